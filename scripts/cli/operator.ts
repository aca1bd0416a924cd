import { userInfo } from 'node:os';

/** Who calls, for records and timelines: the name of the user's id, else the id itself, which a container may have no name for. */
export function operatorName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}
