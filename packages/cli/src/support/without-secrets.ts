import { redactText } from "@mpo/runtime";

/** Names of settings that hold secrets, in files, environments and command lines. */
const SECRET_SETTING =
  /^(\s*(?:export\s+|Environment=)?["']?[\w.-]*(?:token|secret|password|passwd|passphrase|credential|creds|cookie|private[_-]?key|api[_-]?key|seed|join|login)[\w.-]*["']?\s*[:=]\s*).+$/gimu;
/** The same in the middle of a line: as JSON, or as `name=value`. */
const SECRET_PAIR =
  /(["']?[\w.-]*(?:token|secret|password|passwd|passphrase|credential|cookie|private[_-]?key|api[_-]?key|seed)["']?\s*[:=]\s*)("[^"]*"|'[^']*'|[^\s"',}]+)/giu;
/** `nats://user:password@host`. */
const URL_PASSWORD = /(\b[a-z][a-z0-9+.-]*:\/\/)[^/\s:@]+:[^/\s@]+@/giu;
/** The lines with which devices join and people log in: the addresses in them may stay, the secret may not. */
const INVITATION = /\bmpo(?:-join|-login|j)?[_-][\w.+/=-]{20,}/gu;

const HIDDEN = "[redacted]";

/** A text without keys, tokens, passwords and lines to join with. More is hidden than need be, rather than less. */
export function withoutSecrets(text: string): string {
  return redactText(text)
    .replaceAll(SECRET_SETTING, `$1${HIDDEN}`)
    .replaceAll(SECRET_PAIR, `$1${HIDDEN}`)
    .replaceAll(URL_PASSWORD, `$1${HIDDEN}@`)
    .replaceAll(INVITATION, HIDDEN)
    .replaceAll(/-----BEGIN [A-Z ]*(?:KEY|SEED|JWT)-----[\s\S]*?(?:-----END [A-Z ]*-----|$)/gu, HIDDEN);
}
