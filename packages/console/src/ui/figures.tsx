import { formatAge, formatMoment } from "@mpo/core";
import type { ComponentChildren, VNode } from "preact";
import { now } from "../state/clock.ts";

const LOCAL = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const SHORT = new Intl.DateTimeFormat(undefined, { dateStyle: "short", timeStyle: "short" });
const SECONDS = new Intl.DateTimeFormat(undefined, { dateStyle: "short", timeStyle: "medium" });

/** How long ago something was; the moment itself, in local time, is beside it for whoever points at it. */
export function Ago({ at }: { readonly at: number }): VNode {
  return (
    <time dateTime={new Date(at).toISOString()} title={`${LOCAL.format(at)} (${formatMoment(at)} UTC)`}>
      {formatAge(now.value - at)}
    </time>
  );
}

/** A moment in local time. */
export function Moment({ at, hasSeconds = false }: { readonly at: number; readonly hasSeconds?: boolean }): VNode {
  return (
    <time dateTime={new Date(at).toISOString()} title={`${formatMoment(at)} UTC`}>
      {(hasSeconds ? SECONDS : SHORT).format(at)}
    </time>
  );
}

export type Tone = "good" | "bad" | "warn" | "busy" | "plain";

/** A state in a word, with a colour and a mark: never by colour alone. */
export function Badge({ tone, children }: { readonly tone: Tone; readonly children: ComponentChildren }): VNode {
  return <span class={`badge ${tone}`}>{children}</span>;
}

/** Facts with their names. */
export function Facts({ of }: { readonly of: readonly (readonly [string, ComponentChildren] | undefined)[] }): VNode {
  return (
    <dl class="facts">
      {of
        .filter((fact) => fact !== undefined)
        .map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}
