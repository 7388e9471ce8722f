import type { RolloutCommand, RolloutPhase } from "@mpo/core";
import type { RolloutView } from "@mpo/protocol";
import type { VNode } from "preact";
import { call } from "../../api/call.ts";
import { go } from "../../state/router.ts";
import { may } from "../../state/who.ts";
import { Action, reasonOf } from "../../ui/action.tsx";

interface Offer {
  readonly command: RolloutCommand;
  readonly label: string;
  readonly look?: "danger" | "primary" | "plain";
  readonly says: string;
  readonly done: string;
  /** Whether it makes sense now; the coordinator decides all the same. */
  readonly isOffered: (rollout: RolloutView) => boolean;
}

const phases =
  (...those: readonly RolloutPhase[]) =>
  ({ phase }: RolloutView): boolean =>
    those.includes(phase);

function isWaitingForApproval({ phase, wave, waves }: RolloutView): boolean {
  return (phase === "running" || phase === "paused") && waves[wave]?.state === "approval";
}

const OFFERS: readonly Offer[] = [
  {
    ...{ command: "start", label: "Start…", look: "primary", done: "started" },
    says: "The first wave begins, or waits for its approval.",
    isOffered: phases("planned"),
  },
  {
    ...{ command: "approve", label: "Approve wave…", look: "primary", done: "wave approved" },
    says: "The wave that waits may begin.",
    isOffered: isWaitingForApproval,
  },
  {
    ...{ command: "pause", label: "Pause…", done: "paused" },
    says: "No more devices are changed until it is resumed. Those that are being changed go on.",
    isOffered: phases("running", "finishing"),
  },
  {
    ...{ command: "resume", label: "Resume…", done: "resumed" },
    says: "It goes on where it stood.",
    isOffered: phases("paused", "halted", "conflicted"),
  },
  {
    ...{ command: "next", label: "Next wave…", done: "next wave" },
    says: "Whatever this wave waits for, it counts as passed, and the next one begins.",
    isOffered: ({ phase, wave, waves }) =>
      ["running", "paused", "halted"].includes(phase) && !["waiting", "approval"].includes(waves[wave]?.state ?? ""),
  },
  {
    ...{ command: "retry", label: "Retry failed…", done: "failed devices are tried again" },
    says: "Devices that failed or timed out get their change again.",
    isOffered: ({ phase, counts }) =>
      ["running", "paused", "halted", "finishing", "completed", "stopped"].includes(phase) &&
      counts.some(({ state }) => state === "failed" || state === "timed-out"),
  },
  {
    ...{ command: "roll-back", label: "Roll back…", look: "danger", done: "rolling back" },
    says: "Every device that it has changed gets back what it had before.",
    isOffered: phases("running", "paused", "halted", "conflicted", "finishing", "completed", "stopped"),
  },
];

const OVER: readonly RolloutPhase[] = ["completed", "stopped", "rolled-back"];

/** What can be said to a rollout. Stop is always at the same place. */
export function RolloutCommands({
  rollout,
  onDone,
}: {
  readonly rollout: RolloutView;
  readonly onDone: () => void;
}): VNode {
  const { name, tenant, phase } = rollout;
  if (!may("operator")) return <span class="faint">An operator can pause, stop or roll back.</span>;
  const say =
    (command: RolloutCommand, done: string) =>
    async (form: FormData): Promise<string> => {
      await call("changeRollout", { tenant, name, command, reason: reasonOf(form) });
      onDone();
      return `${name}: ${done}.`;
    };
  const remove = async (form: FormData): Promise<string> => {
    await call("removeRollout", { tenant, name, reason: reasonOf(form) });
    go("/rollouts");
    return `${name} is removed.`;
  };
  const isOver = OVER.includes(phase);
  return (
    <>
      {OFFERS.filter(({ isOffered }) => isOffered(rollout)).map(({ command, label, look = "plain", says, done }) => (
        <Action
          key={command}
          label={label}
          look={look}
          title={`${label.replace("…", "")}: ${name}`}
          confirm={label.replace("…", "")}
          run={say(command, done)}
        >
          <p>{says}</p>
        </Action>
      ))}
      {(isOver || phase === "planned") && (
        <Action label="Remove…" title={`Remove ${name}?`} confirm="Remove" run={remove}>
          <p>It is forgotten; devices keep what they have. The audit keeps what it did.</p>
        </Action>
      )}
      <Action
        label={isOver ? "Stopped" : "Stop…"}
        look="danger"
        title={`Stop ${name}?`}
        confirm="Stop now"
        isDisabled={isOver}
        run={say("stop", "stopped")}
      >
        <p>No more devices are changed. Those that were changed keep what they have, until it is rolled back.</p>
      </Action>
    </>
  );
}
