"""A healthy home with a journal in it, and the word of the core that wrote it; then one thing is made wrong."""

from __future__ import annotations

import asyncio
import shutil
from datetime import timedelta
from pathlib import Path

import msgspec

from appliance.doctor import Host, Level, examine
from appliance.doctor.host import Word
from appliance.domain.operators import Role
from appliance.home import Home
from appliance.service.operator_records import Account
from appliance.service.operator_registry import ACCOUNTS
from appliance.store.credentials import Change, Credentials
from appliance.transport.notice_results import NoticesStatus, NotifierView
from appliance.transport.operator_results import SourceHealth, StatusView, VenueView, WatchdogView, WorkerView
from appliance.transport.operator_views import status_view
from tests.service.rig import NOON, Rig, buy, play

CONFIGURED = """\
[agent]
http_port = 0
[operator_http]
port = 0
[[notifier]]
name = "desk"
plugin = "webhook"
settings = {url = "https://hooks.example/desk"}
[rate_limits]
default_per_min = 100000
execution_per_min = 100000
[limits]
position_max_pct = 100
exposure_max_pct = 100
open_notional_max_pct = 100
turnover_max_pct = 10000
repeated_orders_max = 10000
"""
MOUNTS = "/dev/sda1 / ext4 rw 0 0\ntmpfs /run tmpfs rw 0 0\n"
SWAPS = "Filename Type Size Used Priority\n/dev/zram0 partition 1 0 100\n"
LIMITS = "Limit Soft Hard Units\nMax core file size        0                    0                    bytes\n"
TCP = "  sl  local_address rem_address   st\n   0: 0100007F:1F90 00000000:0000 0A\n"
ORDERS = 200
"""More than one tile of entries, so that a stored tile is compared too."""


class Ground:
    """One healthy host, made once; each test takes a copy."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = Home(folder / "home", folder / "readytrader.toml")
        self.root = folder / "root"
        self.environ: dict[str, str] = {"PATH": "/bin"}
        self.now = NOON + timedelta(hours=1)
        self.status: StatusView | None = None
        self.silence = "no daemon answers"

    @classmethod
    def made(cls, folder: Path) -> Ground:
        """A core lives here for a while, and goes."""
        ground = cls(folder)

        async def life(rig: Rig) -> None:
            for number in range(ORDERS // 4):
                await asyncio.gather(*(rig.submit(buy("0.0001"), key=f"{number}-{one}") for one in range(4)))
                rig.clock.advance(4)
                rig.quote()
            ground.status = healthy(status_view(rig.core))

        play(folder, life, CONFIGURED)
        ground.write("proc/self/mounts", MOUNTS)
        ground.write("proc/swaps", SWAPS)
        ground.write("proc/net/tcp", TCP)
        secret = ground.home.secrets / "desk" / "signing_key"
        secret.parent.mkdir(mode=0o700)
        secret.write_text("whsec_c2VzYW1lc2VzYW1lc2VzYW1lc2VzYW1l")
        secret.chmod(0o600)
        ground.accounts(account("alice", totp_secret="JBSWY3DPEHPK3PXP"))
        return ground

    def copy(self, folder: Path) -> Ground:
        """The same again, elsewhere."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True, symlinks=True)
        other = Ground(folder)
        other.status = None if self.status is None else msgspec.structs.replace(self.status)
        return other

    def write(self, path: str, text: str) -> None:
        """What the kernel says."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def accounts(self, *accounts: Account) -> None:
        self.home.credentials.unlink(missing_ok=True)
        store = Credentials(self.home.credentials)
        asyncio.run(store.write([Change(kind=ACCOUNTS, id=it.username, value=it) for it in accounts]))
        store.close()

    def says(self, **different: object) -> None:
        """The daemon's word, but for this."""
        assert self.status is not None
        self.status = msgspec.structs.replace(self.status, **different)

    def host(self, *, full: bool = False) -> Host:
        host = Host(self.home, self.home.config, self.environ, self.now, full=full, root=self.root)
        if self.status is not None:
            configuration = host.configuration
            digest = self.status.configuration_digest
            if configuration is not None and digest == "as the file":
                self.says(configuration_digest=configuration.digest)
            host.word = Word(status=self.status)
        else:
            host.word = Word(silence=self.silence)
        return host

    def levels(self, *, full: bool = False) -> dict[str, Level]:
        return {f"{one.section}: {one.name}": one.level for one in examine(self.host(full=full))}


def account(name: str, role: Role = Role.ADMIN, **more: object) -> Account:
    return msgspec.structs.replace(
        Account(username=name, role=role, password_phc="$argon2id$", created_at=NOON), **more
    )


def healthy(status: StatusView) -> StatusView:
    """As a core of a live appliance with everything in order would say it."""
    venue = VenueView(
        venue="kraken", fit=True, clock_skew_ms=40, can_trade=True, can_withdraw=False, key_bound_to_addresses=True,
        dead_man_switch="armed",
    )  # fmt: skip
    return msgspec.structs.replace(
        status,
        mode="live",
        sources=(SourceHealth(name="feed", admissible=True, accepted=9, refused=0, last_tick_at=status.now),),
        workers=(WorkerView(name="desk", plugin="webhook", kind="notifier", state="ready", restarts=0),),
        venues=(venue,),
        watchdog=WatchdogView(state="alive", pid=1),
        notices=NoticesStatus(notifiers=(NotifierView(name="desk", waiting=0),)),
        configuration_digest="as the file",
    )
