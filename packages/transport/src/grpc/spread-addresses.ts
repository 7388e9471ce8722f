import { experimental } from "@grpc/grpc-js";

const NAME = "mpo_spread";
const PICK_FIRST = experimental.parseLoadBalancingConfig({ pick_first: {} });

/** Where in the list of a name's addresses a client begins: from 0 up to 1. */
class SpreadConfig implements experimental.TypedLoadBalancingConfig {
  readonly at: number;

  constructor(at: number) {
    this.at = at;
  }

  static createFromJson({ at }: { readonly at: number }): SpreadConfig {
    return new SpreadConfig(at);
  }

  getLoadBalancerName(): string {
    return NAME;
  }

  toJsonObject(): object {
    return { [NAME]: { at: this.at } };
  }
}

/**
 * Tries a name's addresses one after the other, each client from another one on, and from the same one again when it comes
 * back. The `shuffleAddressList` of grpc-js (1.14.7, load-balancer-pick-first.ts) never exchanges the first two.
 */
class SpreadAddresses extends experimental.ChildLoadBalancerHandler {
  override updateAddressList(
    ...[found, config, options, note]: Parameters<experimental.ChildLoadBalancerHandler["updateAddressList"]>
  ): boolean {
    const at = config instanceof SpreadConfig ? config.at : 0;
    const spread = found.ok ? experimental.statusOrFromValue(rotated(found.value, at)) : found;
    return super.updateAddressList(spread, PICK_FIRST, options, note);
  }
}

experimental.registerLoadBalancerType(NAME, SpreadAddresses, SpreadConfig);

/** The list from another place on: `at` is from 0 up to 1. */
export function rotated<T>(list: readonly T[], at: number): T[] {
  const first = Math.floor(at * list.length);
  return [...list.slice(first), ...list.slice(0, first)];
}

/** A channel's service configuration. */
export function spreadFrom(at: number): string {
  return JSON.stringify({ loadBalancingConfig: [{ [NAME]: { at } }] });
}
