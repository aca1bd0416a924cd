import { SteadyClock } from '../domain/core/steady-clock.ts';

/** Of this process: one for all, so that a time which one of its modules reads can be compared with another's. */
export const processClock = new SteadyClock(Date.now(), () => performance.now());
