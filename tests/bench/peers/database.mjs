// The peer's store: better-sqlite3, or Node's own SQLite where that one could not be built.

async function openDriver(path) {
  try {
    const { default: Database } = await import("better-sqlite3");
    return { database: new Database(path), driver: "better-sqlite3" };
  } catch (error) {
    const { DatabaseSync } = await import("node:sqlite");
    console.error(`better-sqlite3 is not usable (${error.message}): falling back to node:sqlite`);
    return { database: new DatabaseSync(path), driver: "node:sqlite" };
  }
}

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS devices (
    device_id TEXT PRIMARY KEY, name TEXT, battery_level INTEGER, charging INTEGER, signal_strength REAL,
    device_status TEXT, firmware TEXT, ip_address TEXT, interval_seconds INTEGER, counter INTEGER,
    brand_info TEXT, last_seen TEXT NOT NULL, seq INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS slots (
    device_id TEXT NOT NULL, slot_index INTEGER NOT NULL, carrier_name TEXT, phone_number TEXT, iccid TEXT,
    imsi TEXT, imei TEXT, signal_strength REAL, status TEXT, PRIMARY KEY (device_id, slot_index)
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS heartbeats (
    seq INTEGER PRIMARY KEY, device_id TEXT NOT NULL, at TEXT NOT NULL, battery_level INTEGER,
    signal_strength REAL, counter INTEGER
  );
`;

const DEVICE = `
  INSERT INTO devices VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)
  ON CONFLICT (device_id) DO UPDATE SET name=excluded.name, battery_level=excluded.battery_level,
    charging=excluded.charging, signal_strength=excluded.signal_strength, device_status=excluded.device_status,
    firmware=excluded.firmware, ip_address=excluded.ip_address, interval_seconds=excluded.interval_seconds,
    counter=excluded.counter, brand_info=excluded.brand_info, last_seen=excluded.last_seen, seq=excluded.seq
`;

const SLOT = `
  INSERT INTO slots VALUES (?,?,?,?,?,?,?,?,?)
  ON CONFLICT (device_id, slot_index) DO UPDATE SET carrier_name=excluded.carrier_name,
    phone_number=excluded.phone_number, iccid=excluded.iccid, imsi=excluded.imsi, imei=excluded.imei,
    signal_strength=excluded.signal_strength, status=excluded.status
`;

const HEARTBEAT = "INSERT INTO heartbeats VALUES (?,?,?,?,?,?)";

export async function openDatabase(path, synchronous) {
  const { database, driver } = await openDriver(path);
  database.exec(`PRAGMA journal_mode=WAL; PRAGMA synchronous=${synchronous}; ${SCHEMA}`);
  const upsertDevice = database.prepare(DEVICE);
  const upsertSlot = database.prepare(SLOT);
  const insertHeartbeat = database.prepare(HEARTBEAT);
  // Every statement is kept for good: one that is collected as garbage ends Node 24 with better-sqlite3 12.
  const selectLastSeq = database.prepare("SELECT coalesce(max(seq), 0) AS seq FROM heartbeats");
  const [begin, commit, rollback] = ["BEGIN IMMEDIATE", "COMMIT", "ROLLBACK"].map((sql) => database.prepare(sql));

  function write(device, at) {
    const charging = device.charging === null ? null : Number(device.charging);
    insertHeartbeat.run(device.seq, device.deviceId, at, device.batteryLevel, device.signalStrength, device.counter);
    upsertDevice.run(
      device.deviceId, device.name, device.batteryLevel, charging, device.signalStrength, device.deviceStatus,
      device.firmware, device.ipAddress, device.intervalSeconds, device.counter,
      JSON.stringify(device.deviceBrandInfo), at, device.seq,
    );
    for (const slot of device.simSlots) {
      upsertSlot.run(
        device.deviceId, slot.slotIndex, slot.carrierName ?? null, slot.phoneNumber ?? null, slot.iccid ?? null,
        slot.imsi ?? null, slot.imei ?? null, slot.signalStrength ?? null, slot.status ?? null,
      );
    }
  }

  return {
    driver,
    lastSeq: () => selectLastSeq.get().seq,
    commitHeartbeat(device, at) {
      begin.run();
      try {
        write(device, at);
        commit.run();
      } catch (error) {
        rollback.run();
        throw error;
      }
    },
  };
}
