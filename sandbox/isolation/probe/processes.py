"""Other programs: to take them over, to see them, to be more than one was."""

from __future__ import annotations

from sandbox.isolation.probe.attack import Attack

_SHOWN = (
    "the kernel shows it to each program; it names folders of the engine, holds no data and opens nothing"
)
_OWN_KERNEL = "gVisor's own kernel keeps the number; the host's kernel never hears of it"
_NO_BOUND = (
    "where root itself lacks CAP_SYS_RESOURCE the kernel keeps no lower bound; the memory limit still ends this "
    "container, and nothing else, when its own memory ends"
)

PROCESSES: tuple[Attack, ...] = (
    Attack(
        name="trace a process",
        would="take over another program",
        code="c_call('ptrace', 0, 0, 0, 0)",
        refused_by="seccomp",
    ),
    Attack(
        name="read another program's memory by a call",
        would="take its secrets",
        code="""
class Part(ctypes.Structure):
    _fields_ = [('base', ctypes.c_void_p), ('size', ctypes.c_size_t)]
here, there = ctypes.create_string_buffer(8), ctypes.create_string_buffer(b'secret')
parts = [ctypes.byref(Part(ctypes.addressof(b), 6)) for b in (here, there)]
call('process_vm_readv', os.getpid(), parts[0], 1, parts[1], 1, 0)
""",
        refused_by="seccomp",
    ),
    Attack(
        name="write another program's memory by a call",
        would="take it over",
        code="""
class Part(ctypes.Structure):
    _fields_ = [('base', ctypes.c_void_p), ('size', ctypes.c_size_t)]
here, there = ctypes.create_string_buffer(b'broken'), ctypes.create_string_buffer(8)
parts = [ctypes.byref(Part(ctypes.addressof(b), 6)) for b in (here, there)]
call('process_vm_writev', os.getpid(), parts[0], 1, parts[1], 1, 0)
""",
        refused_by="seccomp",
    ),
    Attack(
        name="take an open file of another program",
        would="read what it has opened",
        code="number(438, os.pidfd_open(os.getpid()), 0, 0)",
        refused_by="seccomp",
    ),
    Attack(
        name="compare two programs' kernel objects",
        would="learn addresses of the kernel",
        code="call('kcmp', os.getpid(), os.getpid(), 0, 0, 0)",
        refused_by="seccomp",
    ),
    Attack(
        name="advise another program's memory",
        would="push it out of memory",
        code="number(440, os.pidfd_open(os.getpid()), None, 0, 20, 0)",
        refused_by="seccomp",
    ),
    Attack(
        name="become root",
        would="start from a better place",
        code="os.setuid(0)",
        refused_by="user, cap_drop",
    ),
    Attack(
        name="become another user",
        would="be taken for the carrier",
        code="os.setuid(65532)",
        refused_by="cap_drop",
    ),
    Attack(
        name="join another group",
        would="read files of that group",
        code="os.setgroups([0])",
        refused_by="cap_drop",
    ),
    Attack(
        name="have a capability",
        would="be allowed a part of what root is",
        code="""
held = [l for l in open('/proc/self/status') if l.startswith(('CapPrm', 'CapEff', 'CapBnd', 'CapInh'))]
if not any(int(l.split()[1], 16) for l in held):
    raise PermissionError(errno.EPERM, 'none is held')
""",
        refused_by="cap_drop",
    ),
    Attack(
        name="gain by a set-uid program",
        would="become root through a program that does it for others",
        code="""
found = subprocess.run(['find', '/', '-xdev', '-perm', '/6000', '-type', 'f'], capture_output=True).stdout
if not found:
    raise FileNotFoundError(errno.ENOENT, 'there is none')
""",
        refused_by="the image, security_opt (no-new-privileges)",
    ),
    Attack(
        name="gain by executing (no_new_privs is off)",
        would="the same, with a program from elsewhere",
        code="""
if libc.prctl(39, 0, 0, 0, 0) == 1:
    raise PermissionError(errno.EPERM, 'nothing is gained')
""",
        refused_by="security_opt (no-new-privileges)",
    ),
    Attack(
        name="be run before others",
        would="slow down everybody else",
        code="os.nice(-5)",
        refused_by="cap_drop",
        needs="SYS_NICE",
        by_design={"runsc": _OWN_KERNEL},
    ),
    Attack(
        name="be served by the disk before others",
        would="slow down everybody else",
        code="call('ioprio_set', 1, 0, 1 << 13)",
        refused_by="cap_drop",
        needs="SYS_ADMIN",
    ),
    Attack(
        name="be spared when memory ends",
        would="let the host's services end instead",
        code="open('/proc/self/oom_score_adj', 'w').write('-500')",
        refused_by="cap_drop, oom_score_adj",
        needs="SYS_RESOURCE",
        by_design={"runc": _NO_BOUND, "runsc": _OWN_KERNEL},
    ),
    Attack(
        name="see a neighbour's programs",
        would="read what others pass on command lines",
        planted="subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(3600)', 'a-neighbours-program'])",
        code="neighbours_program()",
        refused_by="the engine's own process namespace",
    ),
    Attack(
        name="read a neighbour's environment",
        would="take the token in it",
        planted="subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(3600)', 'a-neighbours-program'])",
        code="open(f'/proc/{neighbours_program()}/environ', 'rb').read()",
        refused_by="the engine's own process namespace",
    ),
    Attack(
        name="open a neighbour's memory",
        would="read the rows in it",
        planted="subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(3600)', 'a-neighbours-program'])",
        code="open(f'/proc/{neighbours_program()}/mem', 'rb').close()",
        refused_by="the engine's own process namespace",
        needs="SYS_PTRACE",
    ),
    Attack(
        name="enter a neighbour's files",
        would="read its home",
        planted="subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(3600)', 'a-neighbours-program'])",
        code="os.listdir(f'/proc/{neighbours_program()}/root/')",
        refused_by="the engine's own process namespace",
        needs="SYS_PTRACE",
    ),
    Attack(
        name="stop a neighbour's program",
        would="end another person's work",
        planted="subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(3600)', 'a-neighbours-program'])",
        code="os.kill(neighbours_program(), 0)",
        refused_by="the engine's own process namespace",
    ),
    Attack(
        name="read the kernel's command line",
        would="learn how the host was started, sometimes with secrets",
        code="something_in('/proc/cmdline')",
        refused_by="MaskedPaths",
        by_design={"runsc": "gVisor shows the line of its own kernel, the same everywhere"},
    ),
    Attack(
        name="read where the container's files lie on the host",
        would="know which folder to ask for",
        code="""
if not any(' overlay ' in l or '/docker/' in l or '/containers/' in l for l in open('/proc/self/mountinfo')):
    raise FileNotFoundError(errno.ENOENT, 'no path of the host')
""",
        refused_by="gVisor's own kernel",
        by_design={"runc": _SHOWN},
    ),
    Attack(
        name="read its place in the host's groups",
        would="learn its number at the engine, and who else is there",
        code="""
if not any(len(l.strip().rpartition(':')[2]) > 1 for l in open('/proc/self/cgroup')):
    raise FileNotFoundError(errno.ENOENT, 'only the root of its own')
""",
        refused_by="cgroupns",
    ),
    Attack(
        name="list the host's disks",
        would="know what to look for",
        code="""
if not (os.path.isdir('/sys/block') and os.listdir('/sys/block')):
    something_in('/proc/partitions')
""",
        refused_by="MaskedPaths",
    ),
    Attack(
        name="see what the host's disks do",
        would="watch from outside when others read",
        code="something_in('/proc/diskstats')",
        refused_by="MaskedPaths",
    ),
    Attack(
        name="see the host's interrupts",
        would="watch when others type and send",
        code="something_in('/proc/interrupts')",
        refused_by="MaskedPaths",
    ),
    Attack(
        name="list the kernel's modules and settings",
        would="choose an exploit",
        code="something_in('/proc/config.gz' if os.path.exists('/proc/config.gz') else '/proc/modules')",
        refused_by="MaskedPaths",
    ),
    Attack(
        name="list the kernel's keys",
        would="see keys of the host",
        code="something_in('/proc/keys')",
        refused_by="MaskedPaths",
    ),
    Attack(
        name="read the kernel's memory",
        would="read everybody's",
        code="something_in('/proc/kcore')",
        refused_by="MaskedPaths",
        needs="SYS_RAWIO",
    ),
    Attack(
        name="read where the kernel's memory lies",
        would="place an exploit",
        code="something_in('/proc/kallsyms')",
        refused_by="MaskedPaths",
    ),
    Attack(
        name="say what is done with a crashed program",
        would="run a program on the host as root (core_pattern)",
        code="open_to_write('/proc/sys/kernel/core_pattern')",
        refused_by="user, ReadonlyPaths",
    ),
    Attack(
        name="press the kernel's emergency key",
        would="stop the host",
        code="open_to_write('/proc/sysrq-trigger')",
        refused_by="user, ReadonlyPaths",
    ),
    Attack(
        name="change the kernel's settings",
        would="turn off what protects the host",
        code="open_to_write('/proc/sys/kernel/kptr_restrict')",
        refused_by="user, ReadonlyPaths",
    ),
)
