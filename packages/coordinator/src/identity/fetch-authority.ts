import { MpoError } from "@mpo/core";
import { type Authority, NATS_NAME } from "@mpo/identity";
import type { Abortable } from "@mpo/io";
import type { Logger } from "@mpo/runtime";
import { FLEET_LAYOUT, NatsLink, openExistingStore } from "@mpo/transport";
import type { ExternalNats } from "../run-options.ts";
import { storedAuthority } from "./stored-authority.ts";

/** Certificates behind the credentials: `mpo nats setup` puts them there, so that one file is enough. */
const CERTIFICATES = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n?/gu;

/** The fleet's authority from a cluster's store, for a coordinator that has nothing but a file of credentials and the key. */
export async function fetchAuthority(
  { servers, credentials }: ExternalNats,
  wrappingKey: Uint8Array | undefined,
  { logger, signal }: Abortable & { readonly logger: Logger },
): Promise<Authority> {
  if (credentials?.kind !== "creds" || wrappingKey === undefined) {
    throw new MpoError("precondition-failed", "this coordinator has no authority that the NATS cluster knows", {
      hint:
        "For a new fleet: mpo nats setup. For one that runs: mount the folder of its authority, " +
        "or give --authority-key and --nats-creds with the files of its other coordinators.",
    });
  }
  const caPem = credentials.read().match(CERTIFICATES)?.join("") ?? "";
  if (caPem === "") {
    throw new MpoError("invalid-argument", "the credentials for NATS come without the fleet's certificate authority", {
      hint: "Give the file that `mpo nats setup` has written, whole.",
    });
  }
  const tls = { caPem: () => caPem, serverName: NATS_NAME };
  const link = await NatsLink.open({ servers, name: "coordinator, new", credentials, tls }, { logger, signal });
  try {
    return await storedAuthority(await openExistingStore(link, FLEET_LAYOUT), wrappingKey, { signal });
  } finally {
    await link.close();
  }
}
