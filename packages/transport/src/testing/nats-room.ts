import { mkdtemp, rm } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { MpoError } from "@mpo/core";
import { NatsLink } from "../nats/nats-link.ts";
import type { NatsSettings } from "../nats/nats-settings.ts";
import { EmbeddedNatsServer, type EmbeddedServerOptions } from "../nats/server/embedded-nats-server.ts";
import { findNatsServer, type NatsBinary } from "../nats/server/nats-binary.ts";

/** The machine's nats-server, or why it has none. */
export async function testBinary(): Promise<NatsBinary | string> {
  const { MPO_NATS_SERVER: named, MPO_CACHE: cache, XDG_CACHE_HOME: base, PATH = "" } = process.env;
  const cacheFolder = cache ?? join(base ?? join(homedir(), ".cache"), "mpoptimizer");
  try {
    const places = { searchPath: PATH.split(delimiter), cacheFolder };
    return await findNatsServer(named === undefined ? places : { ...places, named });
  } catch (thrown) {
    return `${(thrown as MpoError).message}; npm run setup -- --with-nats gets one`;
  }
}

const found = await testBinary();
/** For `{ skip }` of tests that need a real server: the reason, or false. */
export const skip: string | false = typeof found === "string" ? found : false;

/** The machine's nats-server; only where `skip` is false. */
export function binary(): NatsBinary {
  if (typeof found === "string") throw new MpoError("not-found", found);
  return found;
}

/** A test, or a whole file: whatever ends. */
export interface Ends {
  after(end: () => Promise<void>): void;
}

/** A folder that is removed when the test ends. */
export async function temporaryFolder(t: Ends): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "mpo-nats-"));
  t.after(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }));
  return folder;
}

/** A server that ends with the test. */
export async function startServer(t: Ends, options: Partial<EmbeddedServerOptions> = {}): Promise<EmbeddedNatsServer> {
  const server = await EmbeddedNatsServer.start({
    binary: binary(),
    folder: options.folder ?? (await temporaryFolder(t)),
    ...options,
  });
  t.after(() => server.stop());
  return server;
}

/** A connection that ends with the test. */
export async function openLink(t: Ends, to: string | NatsSettings, name = "test"): Promise<NatsLink> {
  const plain = { name, reconnectBaseMs: 50, reconnectCapMs: 200, requestTimeoutMs: 1500 };
  const link = await NatsLink.open(typeof to === "string" ? { servers: [to], ...plain } : to);
  t.after(() => link.close());
  return link;
}
