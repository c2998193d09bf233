"""A real Apache Kafka on loopback, for tests and for ./dev kafka: one node (KRaft), on ports of its own, in a directory of its own.

    with Broker() as broker:          # ends it and deletes its data, also after a failure; dies with this process in any case
        client(broker.address)
        broker.kill()                 # kill -9
        broker.start()                # again, on the same data and ports
        broker.tool("org.apache.kafka.tools.TopicCommand", "--list")
"""
import ctypes
import fcntl
import hashlib
import os
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
HOME = os.path.join(ROOT, "build", "kafka")  # what is made here belongs to this checkout
CLUSTER = "a2xhbW0ta2Fma2EtMDAwMA"
# The heap stays small and the second compiler away: a broker of tests lives for seconds, beside what it is tested with.
JVM = ["-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]


class Failed(Exception):
    pass


def jars():
    """The class path: fetched by Maven once for each pom.xml."""
    pom = os.path.join(HERE, "pom.xml")
    with open(pom, "rb") as file:
        wanted = hashlib.sha256(file.read()).hexdigest()[:12]
    folder = os.path.join(HOME, "jars-" + wanted)
    os.makedirs(HOME, exist_ok=True)
    with open(os.path.join(HOME, "jars.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.isdir(folder):
            part = folder + ".part"
            shutil.rmtree(part, ignore_errors=True)
            command = ["mvn", "-B", "-q", "-f", pom, "dependency:copy-dependencies", "-DoutputDirectory=" + part, "-DincludeScope=runtime"]
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            if done.returncode != 0:
                raise Failed(f"{' '.join(command)}: ended with {done.returncode}:\n{done.stdout[-2000:]}")
            os.rename(part, folder)
    return os.path.join(folder, "*")


def formatted():
    """A log directory as `kafka-storage format` leaves it, made once: the tool takes as long as the start of a broker."""
    folder = os.path.join(HOME, "formatted-" + os.path.basename(os.path.dirname(jars())))
    with open(os.path.join(HOME, "formatted.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.isdir(folder):
            part = folder + ".part"
            shutil.rmtree(part, ignore_errors=True)
            os.makedirs(part)
            properties = os.path.join(part, "server.properties")
            write_properties(properties, os.path.join(part, "data"), [1, 2], {})
            command = ["java", *JVM, "-cp", jars(), "kafka.tools.StorageTool", "format", "-t", CLUSTER, "-c", properties]
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            if done.returncode != 0:
                raise Failed(f"StorageTool format: ended with {done.returncode}:\n{done.stdout[-2000:]}")
            os.rename(part, folder)
    return os.path.join(folder, "data")


def write_properties(path, data, ports, settings):
    lines = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@127.0.0.1:{ports[1]}",
        "listeners": f"PLAINTEXT://127.0.0.1:{ports[0]},CONTROLLER://127.0.0.1:{ports[1]}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{ports[0]}",
        "controller.listener.names": "CONTROLLER",
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        "log.dirs": data,
        "auto.create.topics.enable": "false",
        # One node, few partitions of its own topics: quick starts and transactions.
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 4,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": 4,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        "group.initial.rebalance.delay.ms": 0,
        # A broker that was killed may come back as soon as the controller (which is the same process) misses it.
        "broker.session.timeout.ms": 2000,
        "broker.heartbeat.interval.ms": 500,
        **settings,
    }
    with open(path, "w") as file:
        file.writelines(f"{name}={value}\n" for name, value in lines.items())


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def is_free(port):
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def answers(port, timeout=1.0):
    """Whether a broker at the port knows itself and its controller (a Metadata request, version 4, without topics)."""
    client = b"klamm"
    request = struct.pack(">hhih", 3, 4, 7, len(client)) + client + struct.pack(">ib", 0, 0)
    try:
        with socket.create_connection(("127.0.0.1", port), timeout) as connection:
            connection.sendall(struct.pack(">i", len(request)) + request)
            reply = b""
            while len(reply) < 4 or len(reply) < 4 + struct.unpack_from(">i", reply)[0]:
                more = connection.recv(4096)
                if not more:
                    return False
                reply += more
    except OSError:
        return False
    correlation, _, brokers = struct.unpack_from(">iii", reply, 4)
    return correlation == 7 and brokers > 0


def started_at(pid):
    """When a process was started, in ticks since the boot, or None: a pid alone may be another's by now."""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return None if fields[0] in "ZX" else int(fields[19])
    except (OSError, IndexError):
        return None


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


class Broker:
    """A broker of a test. `settings` are the broker's own, such as {"group.min.session.timeout.ms": 1000}. Started by the main thread only: it
    ends with the thread that has started it."""

    def __init__(self, settings=None, jvm=None, folder=None, dies_with_parent=True):
        self.settings = settings or {}
        self.jvm = JVM if jvm is None else jvm
        self.own = folder is None
        os.makedirs(HOME, exist_ok=True)
        self.folder = folder or tempfile.mkdtemp(prefix="test-", dir=HOME)
        self.ports = free_ports(2)
        self.dies_with_parent = dies_with_parent
        self.process = None

    @property
    def address(self):
        return f"127.0.0.1:{self.ports[0]}"

    @property
    def log(self):
        return os.path.join(self.folder, "broker.log")

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.delete()
            raise
        return self

    def __exit__(self, *_):
        self.delete()

    def launch(self):
        data = os.path.join(self.folder, "data")
        if not os.path.isdir(data):
            shutil.copytree(formatted(), data + ".part")
            os.rename(data + ".part", data)
        properties = os.path.join(self.folder, "server.properties")
        write_properties(properties, data, self.ports, self.settings)
        command = ["java", *self.jvm, "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-Dorg.slf4j.simpleLogger.showDateTime=true", "-cp", jars(), "kafka.Kafka", properties]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, preexec_fn=die_with_parent if self.dies_with_parent else None)

    def start(self, timeout=60):
        """Starts it, on the data it had before if there is any, and returns when it answers."""
        self.launch()
        self.wait(timeout)

    def wait(self, timeout):
        end = time.monotonic() + timeout
        while not answers(self.ports[0]):
            if self.process.poll() is not None:
                raise Failed(f"the broker ended with {self.process.returncode}:\n{self.tail()}")
            if time.monotonic() > end:
                self.kill()
                raise Failed(f"the broker did not answer within {timeout} s:\n{self.tail()}")
            time.sleep(0.05)

    def tail(self):
        try:
            with open(self.log, errors="replace") as log:
                return log.read()[-3000:]
        except OSError:
            return ""

    def kill(self):
        """As kill -9. The data stay."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def freeze(self):
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)

    def delete(self):
        self.kill()
        if self.own:
            shutil.rmtree(self.folder, ignore_errors=True)

    def tool(self, name, *arguments, server="--bootstrap-server", **options):
        """Runs one of Kafka's own tools on this broker."""
        options = {"stdin": subprocess.DEVNULL, "capture_output": True, "timeout": 60, **options}
        if "input" in options:
            del options["stdin"]
        return subprocess.run(["java", *JVM, "-Dorg.slf4j.simpleLogger.defaultLogLevel=error", "-cp", jars(), name, server, self.address, *arguments], **options)
