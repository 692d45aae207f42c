"""How long the portal takes for its pages when the installation is large."""
