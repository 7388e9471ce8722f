import type { CostProfile } from "../facts/index.ts";
import { type UnitCostTable, type UnitWork, walkSchedule } from "../memory/index.ts";
import { typical } from "../numerics/index.ts";
import { frozenParameters, unitSchedule } from "../plan/index.ts";
import { fitUnitTimes } from "./unit-times.ts";
import { WorkPrices } from "./work-prices.ts";
import { amountOf, DEFAULT_RATES, fitRates, ratedMs, type WorkRates, withoutKernelGradients } from "./work-rates.ts";

/** Prices of the work of a model on the device that a profile is of. */
export function fitPrices(profile: CostProfile, costs: UnitCostTable): WorkPrices {
  const { chain } = costs;
  const { unitTimes } = profile;
  const unfrozen = costs.unfrozen();
  const microBatches = knotsOf(profile);
  if (unitTimes.length === 0) {
    return new WorkPrices(chain, { unfrozen, rates: ratesOfSteps(profile, costs), microBatches });
  }
  const amounts = unfrozen.map(({ work }) => ({
    forward: amountOf(chain, work.forward),
    backward: amountOf(chain, work.backward),
    normOnlyBackward: amountOf(chain, withoutKernelGradients(chain, work.backward)),
  }));
  const rates = fitRates(
    unitTimes.flatMap(({ unit, microBatch, forwardMs, backwardMs, normOnlyBackwardMs = [] }) => {
      const amount = amounts[unit];
      if (amount === undefined) return [];
      return [
        { amount: amount.forward, microBatch, ms: typical(forwardMs) },
        { amount: amount.backward, microBatch, ms: typical(backwardMs) },
        { amount: amount.normOnlyBackward, microBatch, ms: typical(normOnlyBackwardMs) },
      ];
    }),
  );
  const times = amounts.map(({ forward, backward, normOnlyBackward }, unit) => {
    const own = unitTimes.filter((sample) => sample.unit === unit);
    return fitUnitTimes(own, microBatches, {
      forward: (microBatch) => ratedMs(forward, microBatch, rates),
      backward: (microBatch) => ratedMs(backward, microBatch, rates),
      normOnlyBackward: (microBatch) => ratedMs(normOnlyBackward, microBatch, rates),
    });
  });
  return new WorkPrices(chain, { unfrozen, rates, times, microBatches });
}

/** Micro-batches at which times are worked out: all that were measured, and the powers of two up to a whole step. */
function knotsOf({ unitTimes, effectiveBatch }: CostProfile): readonly number[] {
  const knots = new Set(unitTimes.map(({ microBatch }) => microBatch));
  for (let size = 1; size < effectiveBatch; size *= 2) knots.add(size);
  return [...knots.add(1).add(effectiveBatch)].sort((left, right) => left - right);
}

/** No unit was measured: whole steps are the only work whose time is known. */
function ratesOfSteps({ steps }: CostProfile, costs: UnitCostTable): WorkRates {
  if (steps.length === 0) return DEFAULT_RATES;
  const { chain } = costs;
  const measured = steps.map(({ config, stepMs }) => {
    const units = costs.costs(frozenParameters(chain, config.freezing));
    const { forwards, agains, backwards } = walkSchedule(units, unitSchedule(chain, config.checkpoints), 0);
    const work = units.flatMap((unit, index) => [
      ...repeated(unit.work.forward, forwards[index]),
      ...repeated(unit.work.again, agains[index]),
      ...repeated(unit.work.backward, backwards[index]),
    ]);
    return {
      amount: amountOf(chain, work),
      microBatch: config.microBatch,
      ms: typical(stepMs) / config.accumulation,
    };
  });
  return fitRates(measured);
}

function repeated(work: readonly UnitWork[], times = 0): readonly UnitWork[] {
  return Array.from({ length: times }, () => work).flat();
}
