import type { MpoError } from "@mpo/core";
import type { VNode } from "preact";

/** An error as the coordinator words it, with what to do. Lines stay as they are: filters are marked below the mistake. */
export function Failure({
  error,
  title,
}: {
  readonly error: MpoError | undefined;
  readonly title?: string;
}): VNode | null {
  if (error === undefined) return null;
  return (
    <div class="failure" role="alert">
      {title !== undefined && <p class="failure-title">{title}</p>}
      {error.message.includes("\n") ? <pre class="words">{error.message}</pre> : <p class="words">{error.message}</p>}
      {error.hint !== undefined && <p>{error.hint}</p>}
    </div>
  );
}
