import { readdir, readFile, readlink, stat } from "node:fs/promises";
import { join } from "node:path";
import { readJoinString, readLoginString } from "@mpo/identity";

const SHAPES = [
  // A login, an access token, the secret of a line to join with.
  /\bmpo[a-z]?_[\w-]{20,}/gu,
  /\bmpo-(?:join|login)-[\w-]{20,}/gu,
  // NATS: seeds of keys, and users of devices.
  /\bS[A-Z][A-Z2-7]{56}\b/gu,
  /\beyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{10,}/gu,
];
const PRIVATE_KEY = /-----BEGIN [A-Z ]*PRIVATE KEY-----(.*?)-----END/gsu;

/** Every secret in a text, each as whoever finds it could use it. */
export function secretsIn(text: string): readonly string[] {
  // In JSON, ends of lines are escaped.
  const plain = text.replaceAll("\\n", "\n");
  const keys = [...plain.matchAll(PRIVATE_KEY)].flatMap(([, body = ""]) =>
    body.split("\n").filter((line) => line.length > 20),
  );
  const found = SHAPES.flatMap((shape) => plain.match(shape) ?? []);
  const inside = found.flatMap((line) => {
    // One of which half was copied holds less.
    if (line.length < 100) return [];
    if (line.startsWith("mpo-join-")) return [readJoinString(line).secret];
    return line.startsWith("mpo-login-") ? [readLoginString(line).secret] : [];
  });
  return [...keys, ...found, ...inside];
}

/** A file below a folder. */
export interface FoundFile {
  readonly path: string;
  readonly mode: number;
  readonly text: string;
}

export async function filesBelow(folder: string): Promise<readonly FoundFile[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return await Promise.all(
    files.map(async (path) => ({ path, mode: (await stat(path)).mode & 0o777, text: await readFile(path, "latin1") })),
  );
}

/** What everybody, or the same user, can read of the processes in the network of another one. */
export async function processTexts(keeper: number): Promise<readonly string[]> {
  const network = await readlink(`/proc/${keeper}/ns/net`);
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/u.test(name));
  const texts = await Promise.all(
    pids.map(async (pid) => {
      if ((await readlink(`/proc/${pid}/ns/net`).catch(() => "")) !== network) return [];
      return await Promise.all(
        ["cmdline", "environ"].map((name) => readFile(`/proc/${pid}/${name}`, "utf8").catch(() => "")),
      );
    }),
  );
  return texts.flat();
}
