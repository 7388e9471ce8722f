import { arch, availableParallelism, hostname, totalmem } from "node:os";

const GIB = 2 ** 30;

/** Who measures: this machine's name, and the class of machines like it (architecture, cores, memory). */
export function deviceFacts(): { readonly id: string; readonly class: string } {
  const gibibytes = totalmem() / GIB;
  // Memory as it is sold: the kernel keeps a part.
  const sold = gibibytes <= 1 ? 1 : Math.ceil(gibibytes / 2) * 2;
  return { id: hostname(), class: `${arch()}-${availableParallelism()}c-${sold}g` };
}
