// Exits 0 if node_modules holds what package-lock.json names. Plain JavaScript: it runs before anything is installed.
// npm writes its own list last, so that an install that was killed does not match.
import { readFileSync } from 'node:fs';

const packagesIn = (file) => JSON.parse(readFileSync(file, 'utf8')).packages;

function installedAsLocked() {
  const installed = packagesIn('node_modules/.package-lock.json');
  const wanted = Object.entries(packagesIn('package-lock.json')).filter(([path]) => path !== '');
  return wanted.every(([path, { version, optional, integrity }]) => {
    const found = installed[path];
    return found ? found.version === version && found.integrity === integrity : optional === true;
  });
}

try {
  process.exitCode = installedAsLocked() ? 0 : 1;
} catch {
  process.exitCode = 1;
}
