// `--import` this in a worker thread to run TypeScript there: tsx registers itself in main threads only.
import { register } from 'tsx/esm/api';

register();
