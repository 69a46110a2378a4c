// SPDX-License-Identifier: Apache-2.0
// Runs the tests that test/web/run.sh has made everything ready for.
import {closeBrowser} from './lib/browser.js';
import {openEntrance} from './lib/entrance.js';
import {prepare, tidyUp} from './lib/cluster.js';
import {stopPrometheus} from './lib/prometheus.js';
import {finish, runAll} from './lib/report.js';

// In this order: later ones look at what earlier ones made.
const files = ['login', 'submit', 'life', 'keyboard', 'approvals', 'cluster', 'hostile', 'origins', 'metrics', 'pages', 'cli', 'faults', 'figures'];

await prepare();
const entrance = await openEntrance();
for (const file of files) await import(`./${file}_test.js`);
try {
    await runAll(process.argv.slice(2));
} finally {
    await closeBrowser();
    entrance.close();
    await stopPrometheus();
    await tidyUp();
}
finish();
