import type { SettingName, Settings } from '../../domain/core/settings.ts';
import { readSettings } from '../../domain/core/settings.ts';

/**
 * One setting of this process.
 * @throws SettingsError where it cannot be used as it is: wrong use, by every tool's exit code
 */
export function setting<N extends SettingName>(name: N): Settings<N>[N] {
  return readSettings(process.env, name)[name];
}
