import { identityFiles } from "@mpo/agent";
import { readAuthority, readPrivateFile, readPrivateJson, validityOf } from "@mpo/identity";
import { ifFound } from "@mpo/io";
import { contextsFile, readContexts } from "../access/contexts.ts";
import type { DoctorContext, Finding } from "./check.ts";

const MAX_BYTES = 131_072;
const JOIN_AGAIN = "Start the agent: it sets the file aside, and joins again with a line of mpo token create.";
/** What is about to end is said so long before. */
const SOON_MS = 30 * 86_400_000;

/** The fleets that this user has logged in to are readable by nobody else, and their authorities have not ended. */
export async function checkContexts(context: DoctorContext): Promise<Finding> {
  const { all, current } = await readContexts(context, context);
  if (all.size === 0) return { state: "ok", found: "none: this user has logged in to no other machine's fleet" };
  const ending = [...all].filter(([, { caPem }]) => validityOf(caPem).notAfterMs < Date.now() + SOON_MS);
  const found = `${[...all.keys()].join(", ")}; in use: ${current ?? "none"}; ${contextsFile(context.environment)}`;
  if (ending.length === 0) return { state: "ok", found };
  return {
    state: "warning",
    found: `the certificate authority of ${ending.map(([name]) => name).join(", ")} ends within 30 days, or has ended`,
    fix: "Have it replaced on the coordinator (mpo ca rotate), and log in again.",
  };
}

/** A device's certificate is good, and its key readable by nobody else. */
export async function checkDeviceCertificate(dataFolder: string): Promise<Finding> {
  const { key, membership } = identityFiles(dataFolder);
  await ifFound(readPrivateFile(key, { maxBytes: MAX_BYTES }));
  const read = (value: unknown): unknown => (value as { readonly certificatePem?: unknown } | null)?.certificatePem;
  const certificate = await ifFound(readPrivateJson(membership, read, { maxBytes: MAX_BYTES, hint: JOIN_AGAIN }));
  if (certificate === undefined) return { state: "ok", found: "none yet: this machine has joined no fleet" };
  const { notAfterMs } = validityOf(String(certificate));
  const found = `good until ${new Date(notAfterMs).toISOString()}; the agent renews it at half of its time`;
  if (notAfterMs > Date.now()) return { state: "ok", found };
  return {
    state: "warning",
    found: `ended at ${new Date(notAfterMs).toISOString()}`,
    fix: "Start the agent: it asks for a new one with its old key, and waits to be accepted where it was away for long.",
  };
}

/** The keys of a coordinator's fleet are whole, and readable by nobody else. */
export async function checkAuthority(folder: string): Promise<Finding> {
  const authority = await ifFound(readAuthority(folder));
  return { state: "ok", found: authority === undefined ? "none yet: the first start makes them" : folder };
}
