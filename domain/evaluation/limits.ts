/** Share of queries whose right chunk is among the 50, at least (runbook). The alert containment-warning has the same limit. */
export const LEAST_CONTAINMENT = 0.8;
