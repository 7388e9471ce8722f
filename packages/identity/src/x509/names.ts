import { isName } from "@mpo/core";

/** The name in every coordinator's certificate, which its clients check whatever address they dial. */
export const COORDINATOR_NAME = "coordinator.mpo.internal";
/** The same for NATS servers. */
export const NATS_NAME = "nats.mpo.internal";

/** A device of a tenant. */
export interface DeviceName {
  readonly tenant: string;
  readonly device: string;
}

const DEVICE_URI = /^mpo:\/\/device\/([^/]+)\/([^/]+)$/u;

/** The URI that names a device in its certificate. */
export function deviceUri({ tenant, device }: DeviceName): string {
  return `mpo://device/${tenant}/${device}`;
}

/** Undefined for what is not exactly such a URI. */
export function deviceOfUri(uri: string): DeviceName | undefined {
  const [, tenant, device] = DEVICE_URI.exec(uri) ?? [];
  return isName(tenant) && isName(device) ? { tenant, device } : undefined;
}
