//! What an engine is sent of an image of which it has some layers, and what it says where it does not take that.

use std::collections::BTreeMap;

use pyfast_launcher::engine::Recorded;
use pyfast_launcher::volume::Builds;
use pyfast_oci::{Blob, Config, Content, Made, media};

use super::*;

/// An image of two layers, the lower of which the engine says that it has.
struct Shop {
    connection: Connection<Recorded>,
    image: Image,
    name: ImageName,
    told: Arc<Mutex<Vec<String>>>,
}

impl Shop {
    fn new(engine: Recorded) -> Self {
        let made = ["lower", "upper"].map(|text| {
            let blob = Blob::of(media::LAYER, text.as_bytes().to_vec());
            let diff_id = blob.descriptor.digest;
            Made { blob, diff_id, created_by: "a test".to_owned() }
        });
        let image = Image::new(Config::default(), Vec::new(), made.into(), BTreeMap::new());
        let name: ImageName = "shop:1".parse().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let engine = engine.with_layers("shop:1", vec![image.diff_ids[0].to_string()]);
        let connection = Connection { engine, runtime, builds: Builds::new("pyfast".into(), None) };
        Self { connection, image, name, told: Arc::default() }
    }

    fn load(&self) -> Result<(), Error> {
        let told = Arc::clone(&self.told);
        let events: Events = Arc::new(move |event: Event| {
            if let Event::Detail(text) = event {
                told.lock().unwrap().push(text);
            }
        });
        let Self { connection, image, name, .. } = self;
        Loading { connection, image, name, below: None, events: &events }.load()
    }

    /// How often the engine was sent an image.
    fn loads(&self) -> usize {
        self.connection.engine.calls().iter().filter(|call| *call == "load shop:1").count()
    }

    /// Which layers were in what the engine took.
    fn taken(&self) -> Vec<bool> {
        let mut bytes = Vec::new();
        let mut take = |piece: &[u8]| {
            bytes.extend_from_slice(piece);
            Ok(())
        };
        self.connection.wait(self.connection.engine.save("shop:1", &mut take)).unwrap();
        let archive = String::from_utf8_lossy(&bytes).into_owned();
        let has = |layer: &Blob| {
            let Content::Memory(bytes) = &layer.content else { panic!("in memory") };
            archive.contains(std::str::from_utf8(bytes).unwrap())
        };
        self.image.layers.iter().map(has).collect()
    }
}

#[test]
fn what_an_engine_has_it_is_not_sent() {
    let shop = Shop::new(Recorded::new());
    shop.load().unwrap();
    assert_eq!((shop.loads(), shop.taken()), (1, vec![false, true]));
    assert_eq!(*shop.told.lock().unwrap(), ["the container engine has 1 of 2 layers"]);
}

#[test]
fn an_engine_that_refuses_a_part_is_sent_all_of_it() {
    let shop = Shop::new(Recorded::new().with_refused_load("layer.tar: no such file"));
    shop.load().unwrap();
    assert_eq!((shop.loads(), shop.taken()), (2, vec![true, true]));
    let told = shop.told.lock().unwrap();
    assert!(told[1].contains("did not load the others alone"), "{told:?}");
}

#[test]
fn an_engine_that_refuses_a_part_and_all_of_it_is_told_by_its_first_words() {
    let full = Recorded::new().with_refused_load("no space left").with_refused_load("out of order");
    let shop = Shop::new(full);
    let error = shop.load().unwrap_err();
    let said = format!("{error:?}");
    assert!(said.contains("no space left") && !said.contains("out of order"), "{said}");
    assert_eq!(shop.loads(), 2);
}
