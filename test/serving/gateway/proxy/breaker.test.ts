import { beforeEach, expect, it } from 'vitest';
import { Breaker } from '../../../../serving/gateway/proxy/breaker.ts';

let nowMs = 0;
let breaker: Breaker;

beforeEach(() => {
  nowMs = 1_000;
  breaker = new Breaker(() => nowMs);
  for (let i = 0; i < 5; i++) breaker.failed();
});

it('opens after five failures in a row, not after five in all', () => {
  expect(breaker.state).toBe('open');
  const other = new Breaker(() => nowMs);
  for (let i = 0; i < 20; i++) {
    if (i % 4 === 3) other.succeeded();
    else other.failed();
  }
  expect(other.state).toBe('closed');
});

it('lets one request try after a pause, and stays open if that fails', () => {
  expect(breaker.admits()).toBe(false);
  nowMs += 2_000;
  expect([breaker.admits(), breaker.admits()]).toEqual([true, false]);
  breaker.failed();
  expect([breaker.state, breaker.admits()]).toEqual(['open', false]);
});

it('closes when the try succeeds', () => {
  nowMs += 2_000;
  breaker.admits();
  breaker.succeeded();
  expect([breaker.state, breaker.admits()]).toEqual(['closed', true]);
});

it('lets another try where the user of the first one left', () => {
  nowMs += 2_000;
  breaker.admits();
  breaker.undecided();
  expect(breaker.admits()).toBe(true);
});
