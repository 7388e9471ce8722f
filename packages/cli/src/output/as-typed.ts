/** Scripts of package.json that run `mpo` where it is in no PATH. */
const NPM_SCRIPTS: readonly (string | undefined)[] = ["mpo", "demo", "demo:engine"];

/** A text with its commands as they have to be typed here: through npm, `mpo agent` is `npm run mpo -- agent`. */
export type AsTyped = (text: string) => string;

/** Decides by npm's own environment variable whether the command was started through npm. */
export function asTypedIn(environment: Readonly<Record<string, string | undefined>>): AsTyped {
  if (!NPM_SCRIPTS.includes(environment["npm_lifecycle_event"])) return (text) => text;
  return (text) => text.replaceAll(/(?<![\w/.-])mpo (?=[A-Za-z[])/gu, "npm run mpo -- ");
}
