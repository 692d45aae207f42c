"""How code is locked in. Docker and aiohttp are used only here (and Docker's spawner in ``hub_config``).

container     a container's settings as rows: setting, value, reason
profile       grant -> the settings of its notebook; the carrier's and the engine's beside them
engines       which container engine answers, and what it lacks
runtimes      runc or gVisor: believed when it has started one of our containers
packages      what is in an image; advisories, versions: which of it has known faults
image_list    the images of the last build, as the operator sees them
containers    settings -> a running container, and back to nothing
gate_rules    what may pass in and out: two lists of (method, path, reason)
gate_headers  which headers and cookies go along
gate_contents what the contents API may show
gate_answers  answers as the gate writes them
gate_frames   websockets of kernels: JSON text only
gate_record   what the gate puts on the log
gate_paths    where a notebook's sockets are, and how they are reached without following a link
gate_door     one notebook's two directions
gate          all doors: the port for the hub's proxy, the control socket, restart
gate_client   open and close a door from another process
notebooks     end open notebooks, through the hub
engine_room   the engine's container, as long as its process lives
entrance      how files that ask to come in are judged, and laid out read-only
packages_reference    the page of what the notebook image holds
kubernetes    the same rows as parts of a pod: each translated, or named with why not
notebook_pod  grant -> the pod of its notebook, on a cluster
pod_carrier   beside the gate of a cluster: bytes to and from pods; pod_carrier_client tells it which
probe         the attacks that run inside, each with what has to refuse it

A notebook has no network interface. Its carrier shares its loopback and moves bytes between it and two unix
sockets; the gate, outside and out of reach, decides what passes.
"""
