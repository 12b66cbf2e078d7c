//! `chattag new`: a rule, list, tag or pack from a commented template.
#![allow(clippy::print_stdout, reason = "the files are this command's output")]

use chattag::bundle;
use chattag::maintain::scaffold::{self, Kind, Names};

use crate::Status;
use crate::args::{NewArgs, NewKind, NewShape};
use crate::console::Console;

/// Writes the files, or prints them.
pub fn run(args: &NewArgs, console: &Console) -> anyhow::Result<Status> {
    let files = if args.dict.is_dir() { bundle::files_in(&args.dict)? } else { Vec::new() };
    let base = bundle_name(&files);
    let id = match (&args.id, args.what) {
        (Some(id), _) => id.as_str(),
        (None, NewKind::Roles) => "roles",
        (None, _) => return Err(super::said("还缺少 id，例如 gift_talk", "name an id, such as gift_talk")),
    };
    let names = Names {
        id,
        title: args.title.as_deref().unwrap_or_default(),
        base: &base,
        language: console.language(),
    };
    let made = scaffold::make(&files, kind(args), &names)?;
    if args.print {
        made.iter().for_each(|file| println!("# {}\n{}", file.path, String::from_utf8_lossy(&file.bytes)));
        return Ok(Status::Fine);
    }
    for file in &made {
        super::write_file(&args.dict.join(&file.path), &file.bytes)?;
    }
    let paths: Vec<&str> = made.iter().map(|file| file.path.as_str()).collect();
    if args.json {
        println!("{}", serde_json::json!({ "written": paths }));
    } else {
        paths.iter().for_each(|path| println!("{path}"));
        println!("{}", console.pick("已写好，照着注释改。", "written; follow the comments."));
    }
    Ok(Status::Fine)
}

fn bundle_name(files: &[chattag::rules::SourceFile]) -> String {
    let (draft, _) = chattag::rules::read(files, &[]);
    draft.pack.name
}

fn kind(args: &NewArgs) -> Kind {
    match args.what {
        NewKind::Rule => Kind::Rule(match args.shape {
            NewShape::Match => "match",
            NewShape::Count => "count",
            NewShape::Sequence => "sequence",
            NewShape::Absence => "absence",
            NewShape::Streak => "streak",
            NewShape::Ratio => "ratio",
            NewShape::Cycle => "cycle",
            NewShape::Rank => "rank",
            NewShape::Combine => "combine",
            NewShape::Kick => "kick",
        }),
        NewKind::Lexicon => Kind::Lexicon,
        NewKind::Tag => Kind::Tag,
        NewKind::Signal => Kind::Signal,
        NewKind::Pack => Kind::Pack,
        NewKind::Roles => Kind::Roles,
        NewKind::Dictionary => Kind::Dictionary,
    }
}
