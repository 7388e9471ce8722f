/** Characters of names of tenants, devices, models and whatever else becomes part of a NATS subject or a file's name. */
export const NAME: RegExp = /^[A-Za-z0-9_-]{1,64}$/u;

const NOT_NAMES: ReadonlySet<string> = new Set([...Object.getOwnPropertyNames(Object.prototype), "prototype"]);

/** Whether a text may be a name: 1 to 64 of [A-Za-z0-9_-], and not a name that every JavaScript object has. */
export function isName(value: unknown): value is string {
  return typeof value === "string" && NAME.test(value) && !NOT_NAMES.has(value);
}

export const FILE_NAME: RegExp = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$/u;

/** Whether a text names a file of a folder, and nothing outside it: no separators, and not hidden. */
export function isFileName(value: string): boolean {
  return FILE_NAME.test(value);
}
