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
      health: { host: '127.0.0.1', port: 9465 },
      routes: { critical: null, warning: null, info: null },
      sentFile: '.data/worker/notified.json',
    });
  });

  it('takes an empty variable for an absent one, and a token before its file', () => {
    expect(
      readConfig({ GATEWAY_URL: '', CONTROL_TOKEN: '0123456789abcdef', CONTROL_TOKEN_FILE: 'x' }),
    ).toMatchObject({
      gatewayUrl: 'http://127.0.0.1:8080',
      control: { token: { value: '0123456789abcdef' } },
    });
  });

  it.each<[string, Record<string, string>, object]>([
    [
      'one webhook takes pages and warnings, and information stays in the log',
      { NOTIFY_WEBHOOK_URL: 'http://chat/x', NOTIFY_WEBHOOK_FORMAT: 'slack' },
      {
        critical: { url: 'http://chat/x', format: 'slack', key: '' },
        warning: { url: 'http://chat/x', format: 'slack', key: '' },
        info: null,
      },
    ],
    [
      'a severity may have a webhook and a format of its own',
      {
        NOTIFY_WEBHOOK_URL: 'http://chat/x',
        NOTIFY_WEBHOOK_FORMAT: 'slack',
        NOTIFY_CRITICAL_URL: 'http://pager/y',
        NOTIFY_CRITICAL_FORMAT: 'json',
        NOTIFY_INFO_URL: 'http://log/z',
      },
      {
        critical: { url: 'http://pager/y', format: 'json', key: '' },
        warning: { url: 'http://chat/x', format: 'slack', key: '' },
        info: { url: 'http://log/z', format: 'slack', key: '' },
      },
    ],
  ])('%s', (_what, env, routes) => {
    expect(readConfig(env).routes).toEqual(routes);
  });

  it('names every variable that is wrong', () => {
    const read = () =>
      readConfig({
        GATEWAY_URL: 'gateway:8080',
        WORKER_METRICS_PORT: '99999',
        NOTIFY_WEBHOOK_URL: 'x',
        NOTIFY_WARNING_FORMAT: 'teams',
      });
    expect(read).toThrow(/GATEWAY_URL: must be an http\(s\) URL/);
    expect(read).toThrow(/WORKER_METRICS_PORT: /);
    expect(read).toThrow(/NOTIFY_WEBHOOK_URL: must be an http\(s\) URL/);
    expect(read).toThrow(/NOTIFY_WARNING_FORMAT: must be json or slack or pagerduty/);
  });

  it('wants the key of a route to PagerDuty', () => {
    const env = { NOTIFY_CRITICAL_URL: 'http://pager/y', NOTIFY_CRITICAL_FORMAT: 'pagerduty' };
    expect(() => readConfig(env)).toThrow(/^NOTIFY_PAGERDUTY_KEY: is missing/);
    const key = '0123456789abcdef';
    expect(readConfig({ ...env, NOTIFY_PAGERDUTY_KEY: key }).routes.critical).toMatchObject({ key });
  });
});
