// The peer's validation, written by hand: the cheapest way there is in Node. The rules are the contract's.

const WORDS = new Set(["Excellent", "Good", "Fair", "Poor", "Very Poor", "No Signal", "Unknown"]);

const isString = (limit) => (value) => typeof value === "string" && value.length <= limit;
const isInteger = (low, high) => (value) => Number.isInteger(value) && value >= low && value <= high;
const isNumber = (value) => typeof value === "number" && Number.isFinite(value);

const SLOT = {
  slotIndex: isInteger(0, 1024), carrierName: isString(64), operatorName: isString(64), phoneNumber: isString(32),
  signalStatus: (value) => WORDS.has(value), signalStrength: isNumber, iccid: isString(32), imsi: isString(32),
  imei: isString(32), status: isString(64), balance: isString(64), rawStatus: isString(256),
};

const BRAND = {
  brand: isString(64), model: isString(64), product: isString(64), board: isString(64), device: isString(64),
  manufacturer: isString(64),
};

const HEARTBEAT = {
  name: isString(128), batteryLevel: isInteger(0, 100), charging: (value) => typeof value === "boolean",
  signalStrength: isNumber, deviceStatus: isString(64), ipAddress: isString(64), firmware: isString(128),
  intervalSeconds: isInteger(1, 86400), counter: isInteger(0, 2 ** 53), sentAt: (value) => isNumber(value) || !Number.isNaN(Date.parse(value)),
};

function checkFields(rules, record, fields, prefix) {
  for (const [name, isValid] of Object.entries(rules)) {
    const value = record[name];
    if (value !== undefined && value !== null && !isValid(value)) fields[`${prefix}${name}`] = "is not valid";
  }
}

function checkSlots(slots, fields) {
  if (!Array.isArray(slots)) {
    fields.simSlots = "is not a list";
    return;
  }
  slots.forEach((slot, index) => {
    if (slot?.slotIndex === undefined) fields[`simSlots.${index}.slotIndex`] = "is required";
    else checkFields(SLOT, slot, fields, `simSlots.${index}.`);
  });
}

/** The body's faults by field, or null where there are none. */
export function validateHeartbeat(body) {
  const fields = {};
  if (body === null || typeof body !== "object") return { body: "is not an object" };
  if (!isString(128)(body.deviceId) || body.deviceId === "") fields.deviceId = "is required";
  checkFields(HEARTBEAT, body, fields, "");
  if (body.simSlots !== undefined) checkSlots(body.simSlots, fields);
  if (body.deviceBrandInfo) checkFields(BRAND, body.deviceBrandInfo, fields, "deviceBrandInfo.");
  return Object.keys(fields).length === 0 ? null : fields;
}
