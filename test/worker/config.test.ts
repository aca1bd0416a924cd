import { describe, expect, it } from 'vitest';
import { readConfig } from '../../worker/config.ts';

describe("the worker's environment", () => {
  it('has a default for everything', () => {
    expect(readConfig({})).toMatchObject({
      service: 'retriever',
      taskQueue: 'retriever-rollout',
      gatewayUrl: 'http://127.0.0.1:8080',
      control: { url: 'http://127.0.0.1:8081', token: { file: '.data/run/control-token' } },
      metricsAddress: '127.0.0.1:9464',
      webhookUrl: null,
    });
  });

  it('takes an empty variable for an absent one, and a token before its file', () => {
    expect(readConfig({ GATEWAY_URL: '', CONTROL_TOKEN: 'abc', CONTROL_TOKEN_FILE: 'x' })).toMatchObject({
      gatewayUrl: 'http://127.0.0.1:8080',
      control: { token: { value: 'abc' } },
    });
  });

  it('names every variable that is wrong', () => {
    const read = () =>
      readConfig({ GATEWAY_URL: 'gateway:8080', WORKER_METRICS_PORT: '99999', NOTIFY_WEBHOOK_URL: 'x' });
    expect(read).toThrow(/GATEWAY_URL: must be an http\(s\) URL/);
    expect(read).toThrow(/WORKER_METRICS_PORT: /);
    expect(read).toThrow(/NOTIFY_WEBHOOK_URL: must be an http\(s\) URL/);
  });
});
