// SPDX-License-Identifier: Apache-2.0
// From the login to a job that runs; the form, its YAML and what the server says of both.
import {jobUrl, manifest, submitYaml, untilBadge, writeYaml} from './lib/actions.js';
import {base, logIn, newBrowser, pageOf, withoutReload} from './lib/browser.js';
import {getJob, jobNames, kubectl, namespace} from './lib/cluster.js';
import {check, eventually, expect, test} from './lib/report.js';

test('submit: three clicks from the login to a job that runs', async () => {
    const page = await (await newBrowser()).newPage();
    await page.goto(`${base}/`);
    await logIn(page, 'alice');
    await page.evaluate(() => {
        window.clicks = 0;
        addEventListener('click', e => { if (e.isTrusted) ++window.clicks; }, true);
    });
    const same = await withoutReload(page);
    await page.getByRole('link', {name: 'New job'}).click();
    await page.getByRole('link', {name: 'A Python script'}).click();
    await page.getByText('The server would take it').waitFor();
    await page.getByRole('button', {name: 'Submit', exact: true}).click();
    await page.waitForURL(jobUrl('my-script'));
    expect('clicks', await page.evaluate(() => window.clicks), 3);
    await untilBadge(page, 'Succeeded');
    check('it changed without being loaded anew', await same());
    expect('as whom', (await getJob('my-script')).spec.submittedBy?.username, 'alice@example.org');
    await page.getByRole('link', {name: 'Logs', exact: true}).first().click();
    await page.locator('.log-line', {hasText: 'hello'}).waitFor();
});

test('submit: form and YAML are one, and comments stay', async () => {
    const page = await pageOf('alice', '/submit?starter=empty');
    await page.getByLabel('Name', {exact: true}).fill('both-views');
    await page.getByLabel('Image').fill('dlworkspace.io/tools:1');
    await page.getByLabel('Command').fill(`bash -c 'echo "two words"'`);
    await page.locator('.cm-content').click();
    await page.keyboard.press('Control+Home');
    await page.keyboard.type('# mine\n');
    await page.getByLabel('Ends at the latest after').fill('600');
    await page.getByText('The server would take it').waitFor();
    const yaml = await page.locator('.cm-content').innerText();
    check(`the YAML: ${yaml}`, yaml.startsWith('# mine') && yaml.includes('activeDeadlineSeconds: 600'));
    await page.getByRole('button', {name: 'Submit', exact: true}).click();
    await untilBadge(page, 'Succeeded');
    const {spec} = await getJob('both-views');
    expect('what was submitted', [spec.image, spec.command, spec.activeDeadlineSeconds], ['dlworkspace.io/tools:1', ['bash', '-c', 'echo "two words"'], 600]);
});

test('submit: what the server refuses is at its line, and nothing is made', async () => {
    const page = await pageOf('alice', '/submit?starter=empty');
    const before = await jobNames();
    await writeYaml(page, 'apiVersion: dlworkspace.io/v1\nkind: DLJob\nmetadata:\n  name: Bad_Name\nspec:\n  image: a\n  roles:\n  - name: worker\n    gpus: 1000\n');
    await page.locator('.findings li', {hasText: 'Line 9'}).waitFor();
    await page.locator('.cm-lint-marker-error').first().waitFor();
    await page.getByRole('button', {name: 'Submit', exact: true}).click();
    await page.locator('main .box.bad').waitFor();
    await page.getByRole('group', {name: 'View'}).getByRole('button', {name: 'Both'}).click();
    await page.getByRole('button', {name: 'Line 9'}).first().click();
    expect('jobs', await jobNames(), before);
});

test('submit: a name that is taken leads to the next one', async () => {
    const page = await pageOf('alice');
    await submitYaml(page, 'taken', {command: ['true']});
    await page.goto(`${base}/submit?starter=empty`);
    await page.getByRole('group', {name: 'View'}).getByRole('button', {name: 'Both'}).click();
    await page.getByLabel('Name', {exact: true}).fill('taken');
    await page.getByLabel('Image').fill('dlworkspace.io/tools:1');
    await page.getByRole('button', {name: 'Submit', exact: true}).click();
    await page.getByRole('button', {name: 'Name it taken-2'}).click();
    expect('the name', await page.getByLabel('Name', {exact: true}).inputValue(), 'taken-2');
});

test('submit: a click too much makes one job', async () => {
    const page = await pageOf('alice', '/submit?starter=empty');
    await page.getByLabel('Name', {exact: true}).fill('once');
    await page.getByLabel('Image').fill('dlworkspace.io/tools:1');
    await page.getByRole('button', {name: 'Submit', exact: true}).dblclick();
    await page.waitForURL(jobUrl('once'));
    await eventually('it is there', async () => (await jobNames()).includes('dljob.dlworkspace.io/once'));
    expect('others', (await jobNames()).filter(n => n.includes('once')).length, 1);
});

test('submit: the schema completes what is written', async () => {
    const page = await pageOf('alice', '/submit?starter=empty');
    await page.getByRole('group', {name: 'View'}).getByRole('button', {name: 'YAML'}).click();
    await page.locator('.cm-content').click();
    await page.keyboard.press('Control+End');
    await page.keyboard.type('  activeD');
    await page.locator('.cm-tooltip-autocomplete', {hasText: 'activeDeadlineSeconds'}).waitFor();
}, {needs: ['GetJobSchema']});

test('submit: a template is saved, found by another, used and deleted', async () => {
    const page = await pageOf('alice', '/submit?starter=empty');
    await page.getByLabel('Name', {exact: true}).fill('from-template');
    await page.getByLabel('Image').fill('dlworkspace.io/tools:1');
    await page.getByRole('button', {name: 'Save as template…'}).click();
    await page.getByLabel('Title').fill('Ours');
    await page.getByRole('button', {name: 'Save', exact: true}).click();
    await page.getByText('Saved the template').first().waitFor();
    const bobs = await pageOf('bob', '/submit');
    await bobs.getByRole('link', {name: 'Ours'}).click();
    expect('its image', await bobs.getByLabel('Image').inputValue(), 'dlworkspace.io/tools:1');
    await page.goto(`${base}/templates`);
    await page.getByRole('button', {name: 'Delete Ours'}).click();
    await page.getByRole('dialog').getByRole('button', {name: 'Delete'}).click();
    await page.getByText('There are no templates yet').waitFor();
}, {needs: ['ListTemplates', 'SaveTemplate', 'DeleteTemplate']});

test('submit: a template is replaced only when that is said, and takes no secret', async () => {
    const page = await pageOf('alice', '/submit?starter=empty');
    const save = async (name, spec, title) => {
        await writeYaml(page, manifest(name, spec));
        await page.getByRole('button', {name: 'Save as template…'}).click();
        await page.getByLabel('Title').fill(title);
        await page.getByRole('button', {name: 'Save', exact: true}).click();
    };
    const stored = async () => JSON.parse(await kubectl(['-n', namespace, 'get', 'dljobtemplate', 'twice', '-o', 'json'])).spec;
    await save('twice', {command: ['true'], args: ['old']}, 'First');
    await page.getByText('Saved the template First').first().waitFor();
    await save('twice', {command: ['false']}, 'Second');
    await page.getByRole('button', {name: 'Replace the one that is there'}).waitFor();
    expect('the title until then', (await stored()).title, 'First');
    await page.getByRole('button', {name: 'Replace the one that is there'}).click();
    await page.getByText('Saved the template Second').first().waitFor();
    const {title, job} = await stored();
    expect('what is there', [title, job.spec.command, job.spec.args], ['Second', ['false'], undefined]);
    await save('secret', {roles: [{name: 'worker', env: [{name: 'HF_TOKEN', value: 'x'}]}]}, 'Secret');
    await page.getByRole('dialog').getByText('everybody who may read templates would read it').first().waitFor();
    await kubectl(['-n', namespace, 'delete', 'dljobtemplate', 'twice']);
}, {needs: ['SaveTemplate']});
