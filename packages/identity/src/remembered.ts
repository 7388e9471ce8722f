/** A coordinator has a handful of keys in use; of devices' keys, each process has its own. */
const KEPT = 16;

/**
 * `read` with a memory: to read a key out of its text takes longer than to sign with it, and the same few keys sign
 * thousands of times.
 */
export function remembered<Value>(read: (text: string) => Value): (text: string) => Value {
  const known = new Map<string, Value>();
  return (text) => {
    const value = known.get(text) ?? read(text);
    if (!known.has(text) && known.size >= KEPT) known.clear();
    known.set(text, value);
    return value;
  };
}
