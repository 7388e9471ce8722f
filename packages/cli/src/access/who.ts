import { formatMoment } from "@mpo/core";
import type { Role } from "@mpo/protocol";

/** Who somebody is in a fleet. */
interface Who {
  readonly name: string;
  readonly role: Role;
  /** Absent: of all tenants. */
  readonly tenant?: string | undefined;
  readonly expiresAtMs?: number | undefined;
}

export function whoLines({ name, role, tenant, expiresAtMs }: Who): readonly string[] {
  return [
    `  ${name}: ${role} of ${scopeOf(tenant)}`,
    ...(expiresAtMs === undefined ? [] : [`  until ${formatMoment(expiresAtMs)} UTC`]),
  ];
}

export function scopeOf(tenant: string | undefined): string {
  return tenant === undefined ? "all tenants" : `tenant ${tenant}`;
}
