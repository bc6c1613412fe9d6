"""The history that the benchmark writes is one that the server itself could have left."""

from pathlib import Path

from goip import ingest
from goip.models import Heartbeat, SimSlot
from goip.store.history import list_heartbeats, list_points
from goip.store.store import Store
from tests.bench.history import fill_history

N_DEVICES = 7
N_SAMPLES = 10_000


async def test_a_filled_database_opens_and_its_history_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "goip.db"
    store = Store(f"sqlite:///{path}")
    await store.open()
    for index in range(N_DEVICES):
        beat = Heartbeat(f"device-{index}", battery_level=50, sim_slots=(SimSlot(0, signal_strength=20),))
        await ingest.record_heartbeat(store, beat, enrolment=ingest.Enrolment(f"hash-{index}"))
    seq = store.fleet.seq
    await store.close()

    assert fill_history(path, N_SAMPLES) > 500_000

    store = Store(f"sqlite:///{path}")
    await store.open()
    try:
        assert store.fleet.seq == seq + N_SAMPLES
        for index in range(N_DEVICES):
            device = store.fleet.find(f"device-{index}")
            assert device is not None
            async with store.reading() as connection:
                page = await list_heartbeats(connection, device.pk, device.beat_seq, limit=50)
                points = await list_points(
                    connection, device.pk, "battery", from_at=0, to_at=2**60, step_seconds=300
                )
            assert len(page.rows) == 50
            assert {beat.heartbeat.device_id for beat in page.rows} == {device.device_id}
            assert len(points) > 400
    finally:
        await store.close()
