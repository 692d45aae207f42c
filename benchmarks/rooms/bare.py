"""The baseline: JupyterLab alone in a plain container, until a kernel's first result. Runs inside the image."""

import json
import subprocess
import time
import urllib.request

import websocket

URL = "127.0.0.1:8888"
HEAD = {"msg_id": "1", "msg_type": "execute_request", "username": "", "session": "a", "version": "5.3"}
ASKED = {
    "code": "1 + 1",
    "silent": False,
    "store_history": False,
    "user_expressions": {},
    "allow_stdin": False,
}


def main() -> None:
    command = [
        "jupyter",
        "lab",
        "--no-browser",
        "--allow-root",
        "--IdentityProvider.token=",
        "--ServerApp.disable_check_xsrf=True",
    ]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        while True:
            try:
                with urllib.request.urlopen(f"http://{URL}/api", timeout=1):
                    break
            except OSError:
                time.sleep(0.02)
        made = urllib.request.Request(f"http://{URL}/api/kernels", data=b'{"name": "python3"}', method="POST")
        with urllib.request.urlopen(made, timeout=30) as answer:  # noqa: S310 - its own loopback
            kernel = json.load(answer)["id"]
        socket = websocket.create_connection(
            f"ws://{URL}/api/kernels/{kernel}/channels?session_id=a", timeout=30
        )
        message = {"channel": "shell", "header": HEAD, "parent_header": {}, "metadata": {}, "content": ASKED}
        socket.send(json.dumps(message))
        while json.loads(socket.recv())["header"]["msg_type"] != "execute_result":
            pass
        server.terminate()


if __name__ == "__main__":
    main()
