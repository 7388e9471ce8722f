import type { ComponentChildren, VNode } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { moveCount } from "../state/router.ts";

interface PageProps {
  readonly title: string;
  /** What is before the title: where this page belongs. */
  readonly above?: ComponentChildren;
  readonly actions?: ComponentChildren;
  readonly children: ComponentChildren;
}

/** A page: its title is read out, and has the focus, when the page is gone to. */
export function Page({ title, above, actions, children }: PageProps): VNode {
  const heading = useRef<HTMLHeadingElement>(null);
  const moves = moveCount.value;
  useEffect(() => {
    document.title = `${title} · MPOptimizer`;
  }, [title]);
  useEffect(() => {
    if (moves > 0) heading.current?.focus({ preventScroll: true });
  }, [moves]);
  return (
    <>
      <header class="page-head">
        <div>
          {above !== undefined && <p class="above">{above}</p>}
          <h1 ref={heading} tabIndex={-1}>
            {title}
          </h1>
        </div>
        {actions !== undefined && <div class="actions">{actions}</div>}
      </header>
      {children}
    </>
  );
}

/** A part of a page, with a heading that can be linked to. */
export function Section({
  id,
  title,
  actions,
  children,
}: {
  readonly id: string;
  readonly title: string;
  readonly actions?: ComponentChildren;
  readonly children: ComponentChildren;
}): VNode {
  const part = useRef<HTMLElement>(null);
  // What an address leads to may come later than the page.
  useEffect(() => {
    if (location.hash === `#${id}`) part.current?.scrollIntoView();
  }, [id]);
  return (
    <section ref={part} aria-labelledby={`${id}-title`} id={id} class="section">
      <div class="section-head">
        <h2 id={`${id}-title`}>{title}</h2>
        {actions !== undefined && <div class="actions">{actions}</div>}
      </div>
      {children}
    </section>
  );
}

/** What is said where there is nothing yet: why, and what to do next. */
export function Empty({ title, children }: { readonly title: string; readonly children?: ComponentChildren }): VNode {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      {children}
    </div>
  );
}

export function Loading(): VNode {
  return (
    <p class="faint" role="status">
      Loading…
    </p>
  );
}
