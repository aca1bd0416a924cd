export { rollout } from './rollout.ts';
export { rolloutGuard } from './guard.ts';
export { rerankerExperiment } from './reranker-experiment.ts';
export { rollback } from './rollback.ts';
export { nprobeTuning } from './nprobe-tuning.ts';
export { evaluation } from './evaluation.ts';
export { weeklyMaintenance } from './weekly-maintenance.ts';
export { monitor } from './monitor.ts';
