import { given, MpoError } from "@mpo/core";
import type { AdminServiceMethods, RequestOf, ResponseOf } from "@mpo/protocol";
import type { Audit } from "../events/audit.ts";
import type { MadeToken } from "../identity/access-tokens.ts";
import type { Identities } from "../identity/identities.ts";
import type { Person } from "../identity/person.ts";
import type { ApiCall } from "./api-call.ts";
import { actorOf, FLEET } from "./identity-api.ts";

interface ConsoleParts {
  readonly audit: Audit;
  /** Absent: nobody proves who they are. */
  readonly identities: Identities | undefined;
  /** Where people reach the console; undefined: it is turned off. */
  readonly consoleUrl: () => string | undefined;
}

/** A working day. What a session was made from may end it earlier. */
const SESSION_MS = 12 * 3_600_000;
/** Of somebody whom another issuer has proven, who may take it back without saying so here. */
const FOREIGN_SESSION_MS = 3_600_000;
/** From the command line to the browser beside it. */
const CODE_MS = 60_000;

/** Who signs in to the console, and out of it. */
export class ConsoleApi {
  readonly #parts: ConsoleParts;

  constructor(parts: ConsoleParts) {
    this.#parts = parts;
  }

  /** A code that is good for one session of whoever asks. */
  async createConsoleCode(
    _: RequestOf<AdminServiceMethods["createConsoleCode"]>,
    { person, signal }: ApiCall,
  ): Promise<ResponseOf<AdminServiceMethods["createConsoleCode"]>> {
    const { identities } = this.#parts;
    const url = this.#parts.consoleUrl();
    if (url === undefined) {
      throw new MpoError("unsupported", "this coordinator has no console: it runs with --no-console", {
        hint: "Ask another coordinator of the fleet, or start this one without --no-console.",
      });
    }
    if (identities === undefined || person === undefined) return { url, validMs: CODE_MS };
    const made = await identities.accessTokens.createFor(person, { use: "code", validMs: CODE_MS }, { signal });
    return { url, code: made.secret, validMs: CODE_MS };
  }

  /** Makes a session for somebody who is proven; `by`: how. What the browser had before ends. */
  async signIn(person: Person, { by, before, ...call }: ApiCall & SigningIn): Promise<MadeToken> {
    const { accessTokens } = this.#identities;
    const isForeign = person.token === undefined;
    const { expiresAtMs, ...holder } = person;
    const validMs = isForeign ? FOREIGN_SESSION_MS : SESSION_MS;
    const made = await accessTokens.createFor(
      isForeign ? holder : { ...holder, ...given({ expiresAtMs }) },
      { use: "session", validMs },
      call,
    );
    if (before !== undefined) await accessTokens.endSession(before, call);
    const until = new Date(made.token.expiresAtMs).toISOString();
    await this.#log("console-signed-in", { ...call, person }, `session ${made.token.id}, by ${by}, until ${until}`);
    return made;
  }

  /** Ends a session, if it is one. */
  async signOut(session: string, call: ApiCall): Promise<void> {
    const ended = await this.#identities.accessTokens.endSession(session, call);
    if (ended !== undefined) await this.#log("console-signed-out", call, `session ${ended.id} of ${ended.name}`);
  }

  async #log(kind: string, call: ApiCall, message: string): Promise<void> {
    await this.#parts.audit.log({ kind, identity: FLEET, actor: actorOf(call), message });
  }

  get #identities(): Identities {
    const { identities } = this.#parts;
    if (identities === undefined) throw new MpoError("internal", "nobody signs in where nobody proves who they are");
    return identities;
  }
}

interface SigningIn {
  readonly by: "token" | "code" | "OpenID provider";
  /** The session that the browser had. */
  readonly before?: string | undefined;
}
