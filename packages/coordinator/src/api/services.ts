import { MpoError } from "@mpo/core";
import {
  ADMIN_SERVICE,
  type AdminServiceMethods,
  type DeviceIdentity,
  FLEET_SERVICE,
  type Method,
  type RequestOf,
  type ResponseOf,
} from "@mpo/protocol";
import type { Tracing } from "@mpo/runtime";
import { adminService, type CallContext, fleetService, type HandlersOf, type ServedService } from "@mpo/transport";
import type { Coordinator } from "../coordinator.ts";
import { ADMIN_ACCESS } from "../identity/access-table.ts";
import { ANYBODY, type Person, requireRole } from "../identity/person.ts";
import type { ApiCall } from "./api-call.ts";

/** A coordinator's APIs as its listeners serve them. */
export type Services = readonly [fleet: ServedService, admin: ServedService];

/** The APIs of a coordinator; every call is counted. */
export function servicesOf(coordinator: Coordinator): Services {
  const { fleet, admin, identityApi, consoleApi, groupApi, rolloutApi, artifacts, adaptations, identities } =
    coordinator;
  const unproven = identities === undefined ? ANYBODY : undefined;
  const forPeople = [admin, identityApi, consoleApi, groupApi, rolloutApi, artifacts, adaptations];
  return [
    fleetService(counted(FLEET_SERVICE, joined(FLEET_SERVICE, [fleet, artifacts, adaptations]), coordinator)),
    adminService(counted(ADMIN_SERVICE, guarded(forPeople, unproven), coordinator)),
  ];
}

type Calls = Readonly<Record<string, (request: unknown, call: ApiCall) => unknown>>;

/** A service whose calls these classes answer, each some of them. */
function joined<Methods extends object>(methods: Methods, parts: readonly Partial<Api<Methods>>[]): Api<Methods> {
  const calls = Object.keys(methods).map((name) => {
    const api = parts.find((part) => name in part) as unknown as Calls;
    return [name, (request: unknown, call: ApiCall): unknown => api[name]?.(request, call)];
  });
  return Object.fromEntries(calls) as Api<Methods>;
}

/** The Admin API, which these classes share, behind the table of who may call what. `unproven`: who calls without a proof. */
function guarded(
  parts: readonly Partial<Api<AdminServiceMethods>>[],
  unproven: Person | undefined,
): Api<AdminServiceMethods> {
  const api = joined(ADMIN_SERVICE, parts) as unknown as Calls;
  const calls = Object.entries(ADMIN_ACCESS).map(([name, access]) => {
    const guard = (
      request: { readonly tenant?: string; readonly identity?: DeviceIdentity },
      call: ApiCall,
    ): unknown => {
      const person = call.person ?? unproven;
      if (access !== "anybody") {
        const tenant = access.of === "fleet" ? undefined : (request.tenant ?? request.identity?.tenant);
        if (person === undefined) throw new MpoError("unauthenticated", `nobody has proven who calls ${name}`);
        requireRole(person, { role: access.role, tenant }, name);
      }
      const answer = api[name]?.(request, call);
      const isStream = ADMIN_SERVICE[name as keyof AdminServiceMethods].isStream;
      return isStream ? whileGood(person, answer as AsyncIterable<unknown>) : answer;
    };
    return [name, guard];
  });
  return Object.fromEntries(calls) as Api<AdminServiceMethods>;
}

/** A stream outlives the proof with which it was asked for: whose token was revoked since sees no more of it. */
async function* whileGood(person: Person | undefined, stream: AsyncIterable<unknown>): AsyncIterable<unknown> {
  for await (const answer of stream) {
    person?.requireGood?.();
    yield answer;
  }
}

/** What answers the calls of a service: at once, later, or by a stream. */
type Api<Methods> = {
  readonly [Name in keyof Methods]: (
    request: RequestOf<Methods[Name]>,
    call: ApiCall,
  ) => ResponseOf<Methods[Name]> | Promise<ResponseOf<Methods[Name]>> | AsyncIterable<ResponseOf<Methods[Name]>>;
};

function counted<Methods extends object>(
  methods: Methods,
  api: Api<Methods>,
  { metrics, tracing }: Pick<Coordinator, "metrics" | "tracing">,
): HandlersOf<Methods> {
  const all = Object.entries(methods) as [keyof Methods & string, Method<unknown, unknown>][];
  const handlers = all.map(([name, { isStream, path }]) => {
    // Persons are those that our own `identify` has made.
    const handle = (request: unknown, call: CallContext) =>
      api[name](request as RequestOf<Methods[typeof name]>, call as ApiCall);
    const answer = async (request: unknown, call: CallContext): Promise<unknown> => {
      const began = performance.now();
      let code = "ok";
      try {
        return await traced(tracing, path, call, (own) => handle(request, own));
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

/** A call whose caller traces it is a span of that trace. Others are none: heartbeats of many devices would be all one sees. */
async function traced(
  tracing: Tracing,
  path: string,
  call: CallContext,
  work: (call: CallContext) => unknown,
): Promise<unknown> {
  const { traceparent: parent, requestId, deviceId } = call;
  if (parent === undefined) return await work(call);
  const attributes = { "rpc.system": "grpc", "mpo.request_id": requestId, "mpo.device": deviceId };
  const span = { name: path.slice(1), kind: "server", parent, attributes } as const;
  return await tracing.span(span, async (own) => await work({ ...call, traceparent: own?.traceparent ?? parent }));
}
