const HIDDEN = "[redacted]";
/** Names under which secrets travel. `publicKey`, `keyId` and the `key` of a store may be read, so may counts and flags. */
const SECRET_NAME =
  /(token|secret|password|passwd|passphrase|authorization|credentials?|creds|cookie|jwt|nkey|pem|(private|secret|signing|api|access)[_-]?key)$/iu;
/** Secrets that are recognised by their look: a PEM block, an nkey seed, a bearer token, a JWT, our own. */
const SECRET_TEXT =
  /-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]*-----END [A-Z ]*PRIVATE KEY-----|\bS[NCOUAX][A-Z2-7]{56}\b|\bBearer [\w.~+/-]+=*|\beyJ[\w-]+\.[\w-]+\.[\w-]*|\bmpo(j?_[\w-]{40,}|-(?:join|login)-[\w-]{20,})/gu;
const MAX_DEPTH = 8;

interface RedactOptions {
  /** Whether errors keep their stacks. Default true. */
  readonly hasStacks?: boolean;
}

/**
 * A copy of a value in which secrets are replaced: by the name of their field (tokens, passwords, credentials, private
 * keys) or by their look (PEM, nkey seeds, JWTs). Errors become plain objects; deep or circular values are cut.
 */
export function redact(value: unknown, { hasStacks = true }: RedactOptions = {}): unknown {
  return redactAt(value, 0, hasStacks);
}

/** The same for one text. */
export function redactText(text: string): string {
  return text.replace(SECRET_TEXT, HIDDEN);
}

function redactAt(value: unknown, depth: number, hasStacks: boolean): unknown {
  if (typeof value === "string") return redactText(value);
  if (typeof value === "bigint") return value.toString();
  if (typeof value !== "object" || value === null) return value;
  if (depth >= MAX_DEPTH) return "[too deep]";
  if (value instanceof Error) return errorFields(value, depth, hasStacks);
  if (value instanceof Date) return value;
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (Array.isArray(value)) return value.map((item) => redactAt(item, depth + 1, hasStacks));
  return Object.fromEntries(
    Object.entries(value).map(([name, field]) => [
      name,
      SECRET_NAME.test(name) && isHideable(field) ? HIDDEN : redactAt(field, depth + 1, hasStacks),
    ]),
  );
}

function isHideable(field: unknown): boolean {
  return typeof field === "string" || (typeof field === "object" && field !== null);
}

function errorFields(error: Error, depth: number, hasStacks: boolean): Readonly<Record<string, unknown>> {
  const { code, hint } = error as { code?: unknown; hint?: unknown };
  return {
    type: error.name,
    ...(code === undefined ? {} : { code }),
    message: redactText(error.message),
    ...(typeof hint === "string" ? { hint: redactText(hint) } : {}),
    ...(error.stack === undefined || !hasStacks ? {} : { stack: redactText(error.stack) }),
    ...(error.cause === undefined ? {} : { cause: redactAt(error.cause, depth + 1, hasStacks) }),
  };
}
