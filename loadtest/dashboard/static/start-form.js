// Locust's start form, fitted to profiles: opens the fold with the profile, hides fields that a load shape switches off,
// and says that the target is the profile's unless one is given.
"use strict";
(() => {
  const hide = (element) => {
    if (element && element.style.display !== "none") element.style.display = "none";
  };
  const rename = (root, from, to) => {
    for (const node of root.querySelectorAll("*")) {
      if (node.childElementCount === 0 && node.textContent.trim() === from) node.textContent = to;
    }
  };
  const improve = () => {
    for (const name of ["userCount", "spawnRate"]) {
      const field = document.querySelector(`input[name=${name}][disabled]`);
      hide(field && field.closest(".MuiFormControl-root"));
    }
    const host = document.querySelector("input[name=host]");
    if (host) rename(host.closest(".MuiFormControl-root"), "Host", "Target (blank: the profile's)");
    for (const alert of document.querySelectorAll(".MuiAlert-root")) {
      if (alert.textContent.includes("has no host attribute set")) hide(alert);
    }
    for (const title of document.querySelectorAll("button[aria-expanded]")) {
      if (title.dataset.loadtest || !title.textContent.includes("Custom parameters")) continue;
      title.dataset.loadtest = "seen"; // once: whoever closes it again wants it closed
      rename(title, "Custom parameters", "Profile");
      if (title.getAttribute("aria-expanded") === "false") title.click();
    }
  };
  new MutationObserver(improve).observe(document.documentElement, { childList: true, subtree: true });
  improve();
})();
