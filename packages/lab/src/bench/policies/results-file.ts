import { checked, fact, METHOD_NAMES, type MethodName, MpoError, type Profile, validateProfile } from "@mpo/core";
import { readJsonFile, writeJsonFile } from "@mpo/io";
import { type PolicyRunOutcome, policyOutcomeSchema } from "./policy-run.ts";

/** What makes results comparable: a file can only be resumed with the same. */
export type PolicyIdentity = Readonly<Record<string, string | number>>;

/** What a bench has done so far. Limits, windows, corruptions and methods may be others in the next piece. */
export interface PolicyResults {
  readonly identity: PolicyIdentity;
  /** Accuracy of the unchanged model, 0 to 1, by corruption. */
  readonly before: Map<string, number>;
  readonly methods: Map<MethodName, MethodResults>;
}

/** What has run of one method. */
export interface MethodResults {
  readonly profile: Profile;
  readonly outcomes: PolicyRunOutcome[];
}

const KIND = "mpo-bench-policies";
const VERSION = 2;

const { list, object, share, text, whole, word } = fact;
const fileSchema = object({
  kind: word([KIND]),
  version: whole(VERSION, VERSION),
  before: list(object({ corruption: text(1, 256), accuracy: share() }), 0, 1_000),
  methods: list(
    object({ method: word(METHOD_NAMES), outcomes: list(policyOutcomeSchema, 0, 100_000) }),
    0,
    METHOD_NAMES.length,
  ),
});

/** Replaces the file in one step. */
export async function writePolicyResults(path: string, { identity, before, methods }: PolicyResults): Promise<void> {
  const accuracies = [...before].map(([corruption, accuracy]) => ({ corruption, accuracy }));
  const ran = [...methods].map(([method, results]) => ({ method, ...results }));
  await writeJsonFile(path, { kind: KIND, version: VERSION, identity, before: accuracies, methods: ran });
}

/**
 * Reads it again. Throws `not-found`; `conflict` when it is of a bench with other options or of another model;
 * `invalid-data` when it is damaged.
 */
export async function readPolicyResults(
  path: string,
  identity: PolicyIdentity,
  graphDigest: string,
  signal: AbortSignal,
): Promise<PolicyResults> {
  const value = await readJsonFile(path, { signal, maxBytes: 64 * 2 ** 20 });
  try {
    const { before, methods } = checked(fileSchema, value, "file");
    checkIdentity(value as { readonly identity: unknown }, identity);
    const profiles = (value as { readonly methods: readonly { readonly profile: unknown }[] }).methods;
    const read = methods.map(({ method, outcomes }, index): [MethodName, MethodResults] => {
      const profile = validateProfile(profiles[index]?.profile, { graphDigest });
      return [method, { profile, outcomes: [...outcomes] }];
    });
    return {
      identity,
      before: new Map(before.map(({ corruption, accuracy }) => [corruption, accuracy])),
      methods: new Map(read),
    };
  } catch (thrown) {
    const error = MpoError.from(thrown);
    throw error.with({ message: `${path}: ${error.message}` });
  }
}

function checkIdentity({ identity: found }: { readonly identity: unknown }, wanted: PolicyIdentity): void {
  const stored = typeof found === "object" && found !== null ? (found as Readonly<Record<string, unknown>>) : {};
  for (const [name, value] of Object.entries(wanted)) {
    if (stored[name] === value) continue;
    throw new MpoError("conflict", `${name} is ${JSON.stringify(stored[name])}, not ${JSON.stringify(value)}`, {
      hint: "Resume with the options that the bench began with, or leave out --resume.",
    });
  }
}
