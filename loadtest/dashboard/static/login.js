// Who is logged in already needs no login: a browser that came by a link on another site's page did not send its cookie.
"use strict";
(async () => {
  const answer = await fetch("session", { headers: { Accept: "application/json" } });
  const { value } = document.querySelector("input[name=next]");
  if (answer.ok && (await answer.json()).user !== null) location.replace(value || "./");
})();
