// Sends the session's token with every request of the page that changes something, and asks for a login when it is over.
// Locust's page and the live page call fetch() for all they do.
"use strict";
(() => {
  const base = new URL("..", document.currentScript.src);
  const send = window.fetch.bind(window);
  const safe = ["GET", "HEAD", "OPTIONS"];
  let token = null;
  const toLogin = () => {
    const here = location.pathname.slice(base.pathname.length);
    location.replace(new URL(here ? `login?next=${encodeURIComponent(here)}` : "login", base));
  };
  const ask = async () => {
    const answer = await send(new URL("session", base));
    const session = answer.ok ? await answer.json() : { user: null };
    if (session.user === null) throw new Error("no session");
    return session.token;
  };
  window.fetch = async (input, init) => {
    const request = new Request(input, init);
    if (!request.url.startsWith(base.href)) return send(request);
    if (!safe.includes(request.method)) {
      try {
        token = token || (await ask());
        request.headers.set("X-Loadtest-Token", token);
      } catch {
        toLogin();
      }
    }
    const answer = await send(request);
    if (answer.status === 401) toLogin();
    if (answer.status === 403) token = null; // another tab may have logged in anew: the next try asks again
    return answer;
  };
  window.loadtestLogOut = async () => {
    await window.fetch(new URL("logout", base), { method: "POST" });
    location.replace(new URL("login", base));
  };
})();
