// What all parts need of each other. Gets the doors to the world and `util.inspect`; everything that is relied on is taken
// here, before a snippet can change it.
((doors, util, own) => {
  "use strict";
  const global = globalThis;
  const hide = (object, name, value) =>
    Object.defineProperty(object, name, { value, writable: true, configurable: true, enumerable: false });
  // What goes out is UTF-8, which has no halves of pairs.
  const wellFormed = Function.prototype.call.bind(String.prototype.toWellFormed);
  const { write, encode } = doors;
  doors.write = (fd, text) => write(fd, wellFormed(text));
  doors.encode = (text) => encode(wellFormed(text));
  // A map whose methods are those of now, whatever a snippet does to `Map`.
  class SafeMap extends Map {}
  Object.defineProperties(SafeMap.prototype, Object.getOwnPropertyDescriptors(Map.prototype));
  Object.freeze(Object.setPrototypeOf(SafeMap.prototype, null));
  const bytesOf = (data) =>
    typeof data === "string" ? doors.encode(data)
    : data instanceof ArrayBuffer ? new Uint8Array(data)
    : ArrayBuffer.isView(data) ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : doors.encode(String(data));
  // Errors as Node has them, with a code.
  const coded = (error, code) => {
    hide(error, "code", code);
    Object.defineProperty(error, "code", { enumerable: true });
    return error;
  };
  const kindOf = (value) => {
    if (value === null || value === undefined) return ` Received ${value}`;
    if (typeof value === "function") return ` Received function ${value.name}`;
    if (typeof value === "object") return value.constructor?.name ? ` Received an instance of ${value.constructor.name}` : ` Received ${util.inspect(value, { depth: -1 })}`;
    const text = util.inspect(value, { colors: false });
    return ` Received type ${typeof value} (${text.length > 28 ? text.slice(0, 25) + "..." : text})`;
  };
  const wrongType = (name, wanted, value) => {
    const error = coded(new TypeError(`The "${name}" argument must be ${wanted}.${kindOf(value)}`), "ERR_INVALID_ARG_TYPE");
    return error;
  };
  const state = { folder: "/", home: "/", began: 0, filename: "", now: 0, isLate: false };
  return { doors, own, util, inspect: util.inspect, format: util.format, global, hide, wellFormed, SafeMap, bytesOf, coded, kindOf, wrongType, state, modules: {} };
})
