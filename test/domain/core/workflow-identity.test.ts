import { expect, it } from 'vitest';
import { holderOf, ownerOf, serviceOf, workflowIdOf } from '../../../domain/core/workflow-identity.ts';

it.each(['rollout/retriever', 'now'])('the owner of %s names the workflow and its run', (workflowId) => {
  expect(holderOf(ownerOf({ workflowId, runId: 'run-1' }))).toEqual({ workflowId, runId: 'run-1' });
});

it.each(['nobody', '', '/run-1', 'rollout/'])('the owner %j is no workflow', (owner) => {
  expect(holderOf(owner)).toBeNull();
});

it('the id of a rollback names its service', () => {
  expect(serviceOf('rollback', workflowIdOf('rollback', 'b'))).toBe('b');
});

it.each(['rollback', 'rollback/', 'rollback/a/b', 'rollout/b', 'x/rollback/b'])(
  'an id of another shape names no service: %j',
  (workflowId) => {
    expect(serviceOf('rollback', workflowId)).toBeNull();
  },
);
