// SPDX-License-Identifier: Apache-2.0
// What is around every page: navigation, banners, who is logged in.
import {useEffect, useState} from 'preact/hooks';
import {asApiError} from '../api/problem';
import {CliQuestion} from '../session/cli';
import {Login} from '../session/login';
import {approvalsWaiting, loadSession, logout, me, session, sessionProblem} from '../session/session';
import {Notes, say} from './announce';
import {Banners} from './banners';
import {Dialog} from './dialog';
import {Icon} from './icons';
import {addShortcuts, allShortcuts, focusSearch, helpOpen} from './keyboard';
import {PAGES} from './pages';
import {ErrorBox, Empty, Loading} from './parts';
import {navigate, path, segments} from './router';
import {nextTheme, theme} from './theme';

export function App() {
    const state = session.value;
    if (state === undefined) {
        return <main id="main" class="login" tabIndex={-1}><h1>DLWorkspace</h1>{sessionProblem.value ? <ErrorBox problem={sessionProblem.value} retry={loadSession} /> : <Loading what="portal" />}</main>;
    }
    return <>{state.cliWaits === true ? <CliQuestion session={state} /> : state.loggedIn ? <Shell /> : <Login session={state} />}<Notes /></>;
}

function Shell() {
    const [menu, setMenu] = useState(false);
    useEffect(() => addShortcuts([
        ...PAGES.map(p => ({keys: `g ${p.key}`, what: `Go to ${p.title}`, run: () => navigate(`/${p.id}`)})),
        {keys: '/', what: 'Search in this page', run: focusSearch},
        {keys: '?', what: 'Show these keys', run: () => { helpOpen.value = true; }},
    ]), []);
    useEffect(() => setMenu(false), [path.value]);
    const parts = segments(path.value);
    const id = parts?.[0] ?? 'jobs';
    const page = parts === undefined ? undefined : PAGES.find(p => p.id === id || (p.id === 'jobs' && id === 'login'));
    useEffect(() => { document.title = [parts?.[2], page?.title ?? 'Not found', 'DLWorkspace'].filter(Boolean).join(' · '); }, [path.value]);
    return (
        <div class="shell">
            <a class="skip" href="#main" onClick={event => { event.preventDefault(); document.getElementById('main')?.focus(); }}>Skip to the page</a>
            <header class="top">
                <button type="button" class="quiet icon-only menu-button" aria-label="Menu" aria-expanded={menu} aria-controls="side" onClick={() => setMenu(!menu)}><Icon name="menu" /></button>
                <a class="brand" href="/jobs">DLWorkspace</a>
                <span class="spring" />
                <button type="button" class="quiet icon-only" aria-label={`Theme: ${theme.value}. Change`} title={`Theme: ${theme.value}`} onClick={nextTheme}><Icon name="theme" /></button>
                <button type="button" class="quiet icon-only" aria-label="Keys" title="Keys (?)" onClick={() => { helpOpen.value = true; }}><Icon name="help" /></button>
                <Account />
            </header>
            <nav id="side" class={menu ? 'side open' : 'side'} aria-label="Pages">
                {PAGES.map(p => (
                    <a key={p.id} href={`/${p.id}`} aria-current={p === page ? 'page' : undefined} title={`g ${p.key}`}>
                        <Icon name={p.icon} />{p.title}
                        {p.id === 'approvals' && (approvalsWaiting.value ?? 0) > 0 &&
                            <span class="count">{approvalsWaiting.value}<span class="unseen"> waiting</span></span>}
                    </a>
                ))}
            </nav>
            <main id="main" tabIndex={-1}>
                <Banners />
                {page ? <page.show key={page.id} rest={parts?.slice(1) ?? []} />
                    : <Empty title="There is no such page"><a class="button" href="/jobs">Go to the jobs</a></Empty>}
            </main>
            {helpOpen.value && <Help />}
        </div>
    );
}

function Help() {
    const seen = new Map(allShortcuts.value.map(s => [s.keys, s.what]));
    return (
        <Dialog title="Keys" onClose={() => { helpOpen.value = false; }}>
            <table class="keys"><tbody>
                {[...seen].map(([keys, what]) => <tr key={keys}><th scope="row">{keys.split(' ').map(k => <kbd key={k}>{k}</kbd>)}</th><td>{what}</td></tr>)}
            </tbody></table>
        </Dialog>
    );
}

function Account() {
    const [open, setOpen] = useState(false);
    const name = session.value?.username ?? '';
    const leave = (everywhere: boolean) => {
        logout(everywhere).catch(thrown => say(asApiError(thrown).title, true));
    };
    const user = me.value?.user;
    return <>
        <button type="button" class="quiet account" aria-haspopup="dialog" onClick={() => setOpen(true)} title={name}>{name}</button>
        {open && (
            <Dialog title="You" onClose={() => setOpen(false)}>
                <dl class="facts">
                    <dt>Name</dt><dd>{name}</dd>
                    {user && <><dt>User of your jobs</dt><dd>{user.name} (uid {user.uid}, gid {user.gid})</dd></>}
                    {me.value && me.value.groups.length > 0 && <><dt>Groups</dt><dd>{me.value.groups.join(', ')}</dd></>}
                </dl>
                {me.value?.userProblem && <div class="box warn">{me.value.userProblem}</div>}
                {user?.message && <div class="box warn">{user.message}</div>}
                <div class="actions">
                    <button type="button" onClick={() => leave(true)}>Log out everywhere</button>
                    <button type="button" class="primary" onClick={() => leave(false)}>Log out</button>
                </div>
            </Dialog>
        )}
    </>;
}
