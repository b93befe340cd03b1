/** Changing one's own password. */
import { post } from "../core/session.js";
import { say } from "../core/store.js";
import { html, useState } from "../core/ui.js";
import { Field } from "./forms.js";
import { Panel } from "./states.js";

/** The panel. */
export function PasswordPanel() {
  const [old, setOld] = useState("");
  const [fresh, setFresh] = useState("");
  const [again, setAgain] = useState("");
  const [error, setError] = useState("");
  const submit = async (event) => {
    event.preventDefault();
    if (fresh !== again) {
      setError("The two new passwords differ.");
      return;
    }
    setError("");
    try {
      await post("/api/auth/password", { old, new: fresh });
      say("Your password is changed. Your other sessions ended.");
      setOld("");
      setFresh("");
      setAgain("");
    } catch (failure) {
      setError(failure.code === "bad_credentials" ? "The present password is wrong." : failure.message);
    }
  };
  return html`<${Panel} title="Password"><form class="stack" onSubmit=${submit}>
    <${Field} label="Present password" name="old" type="password" value=${old} onInput=${setOld} autocomplete="current-password" required />
    <${Field} label="New password" name="new" type="password" value=${fresh} onInput=${setFresh} autocomplete="new-password" required minlength="12" />
    <${Field} label="New password again" name="again" type="password" value=${again} onInput=${setAgain} autocomplete="new-password" required error=${error} />
    <div class="row"><button class="button" type="submit">Change the password</button></div>
  </form></${Panel}>`;
}
