export { rollout } from './rollout.ts';
export { rolloutGuard } from './guard.ts';
export { rollback } from './rollback.ts';
export { monitor } from './monitor.ts';
