import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { EmbeddedNats, ExternalNats, FleetPlace } from "@mpo/coordinator";
import { given } from "@mpo/core";
import { fileError } from "@mpo/io";
import { silentLogger } from "@mpo/runtime";
import type { CommandContext } from "../command-context.ts";
import { coordinatorFolder, natsServerPlaces } from "./coordinator-places.ts";

/** Where a fleet's store is: in a folder, or in a cluster. */
export interface PlaceOptions {
  readonly data?: string;
  readonly natsServer?: string;
  readonly nats?: readonly string[];
  readonly natsCreds?: string;
  readonly natsReplicas: number;
}

export function placeOf(options: PlaceOptions, context: CommandContext): FleetPlace {
  const { environment, workingFolder, signal } = context;
  const folder = coordinatorFolder(options.data, context);
  const { nats: servers, natsCreds, natsReplicas: replicas, natsServer: binary } = options;
  const nats: EmbeddedNats | ExternalNats =
    servers === undefined
      ? { kind: "embedded", folder, ...natsServerPlaces(environment), ...given({ binary }) }
      : {
          kind: "external",
          ...{ servers, replicas },
          ...(natsCreds === undefined ? {} : { credentials: credentialsIn(resolve(workingFolder, natsCreds)) }),
        };
  return { nats, authorityFolder: join(folder, "authority"), logger: silentLogger, signal };
}

function credentialsIn(path: string): NonNullable<ExternalNats["credentials"]> {
  try {
    const text = readFileSync(path, "utf8");
    return { kind: "creds", read: () => text };
  } catch (thrown) {
    throw fileError(thrown, "read", path);
  }
}
