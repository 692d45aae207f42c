"""Calls into the kernel that a data scientist never makes. ``asked`` gets in when the kernel looked at the request."""

from __future__ import annotations

from sandbox.isolation.probe.attack import Attack


def _call(name: str, would: str, code: str, *, refused_by: str = "seccomp", needs: str = "") -> Attack:
    return Attack(name=name, would=would, code=code, refused_by=refused_by, needs=needs)


KERNEL: tuple[Attack, ...] = (
    _call(
        "set up io_uring",
        "use a part of the kernel that many break-outs came through",
        "number(425, 4, bytes(120))",
    ),
    _call(
        "load a program into the kernel (bpf)",
        "run code in it",
        "call('bpf', 0, struct.pack('IIIII28x', 1, 4, 4, 1, 0), 48)",
        needs="SYS_ADMIN",
    ),
    _call(
        "watch the processor (perf_event_open)",
        "measure what others compute, and reach code that break-outs came through",
        "call('perf_event_open', struct.pack('IIQ', 1, 112, 0) + bytes(96), 0, -1, -1, 0)",
        needs="SYS_ADMIN",
    ),
    _call(
        "handle page faults itself (userfaultfd)",
        "stop the kernel in the middle of its work, which most exploits need",
        "call('userfaultfd', 0)",
    ),
    _call(
        "add a key to the kernel's ring",
        "use a store that containers share",
        "call('add_key', b'user', b'name', b'value', 5, -2)",
    ),
    _call(
        "ask for a key",
        "the same, to read",
        "asked('request_key', b'user', b'probe', None, -2, answers=(errno.ENOKEY,))",
    ),
    _call("read a key ring", "the same", "call('keyctl', 0, -3, 1, 0, 0)"),
    _call(
        "load another kernel (kexec)",
        "own the machine",
        "asked('kexec_load', 0, 0, None, 1 << 40)",
        needs="SYS_BOOT",
    ),
    _call(
        "load a module",
        "run code in the kernel",
        "asked('init_module', None, 0, b'', answers=(errno.EFAULT, errno.EINVAL, errno.ENOEXEC))",
        needs="SYS_MODULE",
    ),
    _call("restart the machine", "stop everybody's work", "asked('reboot', 1, 2, 3, None)", needs="SYS_BOOT"),
    _call(
        "read the kernel's messages",
        "learn its addresses, and what others do",
        "call('syslog', 3, ctypes.create_string_buffer(64), 64)",
        needs="SYSLOG",
    ),
    _call(
        "set the clock",
        "make an ended grant hold, or a log's times lie",
        """
settings = ctypes.create_string_buffer(256)
call('adjtimex', settings)
struct.pack_into('I', settings, 0, 2)  # its frequency, to what it is
call('adjtimex', settings)
""",
        needs="SYS_TIME",
    ),
    _call(
        "take a swap file into use",
        "let memory reach a disk",
        "asked('swapon', b'/nowhere', 0, answers=(errno.ENOENT,))",
        needs="SYS_ADMIN",
    ),
    _call(
        "speak to hardware ports",
        "reach devices past the kernel",
        "call('ioperm', 0x80, 1, 1)",
        needs="SYS_RAWIO",
    ),
    _call(
        "change a segment table",
        "reach old code of the kernel",
        "call('modify_ldt', 0, ctypes.create_string_buffer(16), 16)",
    ),
    _call(
        "call the kernel by its 32-bit convention",
        "make calls that a list of 64-bit numbers does not see",
        """
if platform.machine() != 'x86_64':
    raise OSError(errno.ENOSYS, 'Function not implemented')
code = b'\\xb8\\x14\\0\\0\\0\\xcd\\x80\\xc3'  # getpid
page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
page.write(code)
number_32 = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()
if number_32 != os.getpid():
    raise OSError(errno.EPERM, f'answered {number_32}')
""",
    ),
    _call(
        "turn off the shuffling of addresses",
        "make an attack on a program certain",
        "call('personality', 0x0040000)",
    ),
    _call("lock up memory that the kernel cannot see", "hide", "call('memfd_secret', 0)"),
    _call(
        "map its own pages into a pipe (vmsplice)",
        "reach a part that break-outs came through",
        """
class Part(ctypes.Structure):
    _fields_ = [('base', ctypes.c_char_p), ('size', ctypes.c_size_t)]
reading, writing = os.pipe()
call('vmsplice', writing, ctypes.byref(Part(b'row', 3)), 1, 0)
""",
    ),
    _call(
        "begin asynchronous reads (io_setup)",
        "use up a count that the whole host shares",
        "call('io_setup', 1, ctypes.byref(ctypes.c_ulong(0)))",
    ),
    _call(
        "choose where memory lies",
        "reach a part that break-outs came through",
        "call('mbind', None, 0, 0, None, 0, 0)",
    ),
    _call(
        "watch files for changes",
        "use up a count that all notebooks share, so that no other can watch one",
        "os.close(checked(libc.inotify_init()))",
    ),
    _call(
        "watch a whole file system",
        "see what others open",
        "call('fanotify_init', 0, 0)",
        needs="SYS_ADMIN",
    ),
    _call(
        "make a user namespace",
        "be root in it, and reach kernel code that only root may",
        "c_call('unshare', 0x10000000)",
    ),
    _call(
        "make a mount namespace",
        "rearrange files",
        "c_call('unshare', 0x20000)",
        refused_by="seccomp, cap_drop",
    ),
    _call(
        "make a network namespace",
        "reach network code that only root may",
        "c_call('unshare', 0x40000000)",
        refused_by="seccomp, cap_drop",
    ),
    _call(
        "make a user namespace by clone",
        "the same by another call",
        """
ways = []
stack = ctypes.create_string_buffer(65536)
child = libc.syscall(NUMBERS['clone'], 0x10000000 | signal.SIGCHLD, 0, 0, 0, 0)
if child == 0:
    libc._exit(0)
os.waitpid(checked(child), 0)
""",
    ),
    _call(
        "make a user namespace by clone3",
        "the same, past a filter that reads the flags",
        """
arguments = struct.pack('QQQQQ24x', 0x10000000, 0, 0, 0, signal.SIGCHLD)
child = libc.syscall(435, arguments, len(arguments))
if child == 0:
    libc._exit(0)
os.waitpid(checked(child), 0)
""",
    ),
    _call(
        "enter another namespace",
        "be where another container is",
        "c_call('setns', os.open('/proc/self/ns/uts', os.O_RDONLY), 0)",
        refused_by="seccomp, cap_drop",
        needs="SYS_ADMIN",
    ),
    _call(
        "mount a file system",
        "lay another file over one that is trusted",
        "c_call('mount', b'none', b'/mnt', b'tmpfs', 0, None)",
        refused_by="seccomp, cap_drop",
        needs="SYS_ADMIN",
    ),
    _call(
        "mount it by the newer calls",
        "the same, past a list of the old ones",
        "number(430, b'tmpfs', 0)",
        refused_by="seccomp, cap_drop",
        needs="SYS_ADMIN",
    ),
    _call(
        "take a copy of a mount",
        "open what is covered by another mount",
        "number(428, -100, b'/', 1)",
        refused_by="seccomp, cap_drop",
        needs="SYS_ADMIN",
    ),
    _call(
        "mount the table of groups",
        "lift its own limits, or run a program on the host (CVE-2022-0492)",
        """
os.makedirs('/tmp/probe-group', exist_ok=True)
if libc.mount(b'none', b'/tmp/probe-group', b'cgroup2', 0, None):
    c_call('mount', b'none', b'/tmp/probe-group', b'cgroup', 0, b'pids')
c_call('umount', b'/tmp/probe-group')
""",
        refused_by="seccomp, cap_drop",
        needs="SYS_ADMIN",
    ),
    _call(
        "open a writable view of the host's settings",
        "change what is read-only here",
        "c_call('mount', b'proc', b'/mnt', b'proc', 0, None)",
        refused_by="seccomp, cap_drop",
        needs="SYS_ADMIN",
    ),
    _call(
        "change the root folder",
        "leave the container's (chroot)",
        "os.chroot('/tmp')",
        refused_by="seccomp, cap_drop",
    ),
    _call(
        "swap the root file system",
        "leave the container's (pivot_root)",
        "asked('pivot_root', b'/', b'/', answers=(errno.EBUSY, errno.EINVAL))",
        refused_by="seccomp, cap_drop",
        needs="SYS_ADMIN",
    ),
    _call(
        "name a file by its number",
        "open files of the host that no path leads to",
        """
handle = ctypes.create_string_buffer(struct.pack('Ii', 128, 0) + bytes(128))
call('name_to_handle_at', -100, b'/dev/shm', handle, ctypes.byref(ctypes.c_int()), 0)
""",
    ),
    _call(
        "change the machine's name",
        "be taken for another",
        "socket.sethostname('probe')",
        refused_by="seccomp, cap_drop",
        needs="SYS_ADMIN",
    ),
)
