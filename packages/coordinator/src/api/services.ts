import { MpoError } from "@mpo/core";
import { ADMIN_SERVICE, FLEET_SERVICE, type Method, type RequestOf, type ResponseOf } from "@mpo/protocol";
import { adminService, type CallContext, fleetService, type HandlersOf, type ServedService } from "@mpo/transport";
import type { Coordinator } from "../coordinator.ts";
import type { Metrics } from "../http/metrics.ts";

/** A coordinator's APIs as the listener serves them; every call is counted. */
export function servicesOf({ fleet, admin, metrics }: Coordinator): readonly ServedService[] {
  return [fleetService(counted(FLEET_SERVICE, fleet, metrics)), adminService(counted(ADMIN_SERVICE, admin, metrics))];
}

/** What answers the calls of a service: at once, later, or by a stream. */
type Api<Methods> = {
  readonly [Name in keyof Methods]: (
    request: RequestOf<Methods[Name]>,
    call: CallContext,
  ) => ResponseOf<Methods[Name]> | Promise<ResponseOf<Methods[Name]>> | AsyncIterable<ResponseOf<Methods[Name]>>;
};

function counted<Methods extends object>(methods: Methods, api: Api<Methods>, metrics: Metrics): HandlersOf<Methods> {
  const all = Object.entries(methods) as [keyof Methods & string, Method<unknown, unknown>][];
  const handlers = all.map(([name, { isStream }]) => {
    const handle = (request: unknown, call: CallContext) => api[name](request as RequestOf<Methods[typeof name]>, call);
    const answer = async (request: unknown, call: CallContext): Promise<unknown> => {
      const began = performance.now();
      let code = "ok";
      try {
        return await handle(request, call);
      } catch (thrown) {
        code = MpoError.from(thrown).code;
        throw thrown;
      } finally {
        metrics.called(name, code, performance.now() - began);
      }
    };
    // How long a stream takes is its reader's affair: only that it ended is counted, and how.
    async function* stream(request: unknown, call: CallContext): AsyncGenerator<unknown, void, undefined> {
      let code = "ok";
      try {
        yield* handle(request, call) as AsyncIterable<unknown>;
      } catch (thrown) {
        code = MpoError.from(thrown).code;
        throw thrown;
      } finally {
        metrics.called(name, code);
      }
    }
    return [name, isStream ? stream : answer];
  });
  return Object.fromEntries(handlers) as HandlersOf<Methods>;
}
